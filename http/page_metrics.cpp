#include "http/metrics.h"
#include "http/pages.h"
#include "http/routes.h"

namespace pilotfish::http {

Response metrics_page(const Request& request, const PageContext& context) {
    const Sources& sources = context.sources;
    const MetricsSnapshot snapshot{sources.build(), sources.runtime(), sources.limits(),
                                   sources.usage(), sources.workers(), context.stats.view()};
    const MetricsFormat format = negotiate_metrics(request.head->field("accept"));
    Response response;
    response.content_type = metrics_content_type(format);
    response.headers.emplace_back("Vary", "Accept");
    response.body = render_metrics(snapshot, format);
    return response;
}

}  // namespace pilotfish::http
