#include "http/pages.h"
#include "http/render.h"
#include "http/routes.h"

namespace pilotfish::http {

Response runtime_page(const Request&, const PageContext& context) {
    return json_response(render_runtime(context.sources.runtime(), context.sources.build(),
                                        context.sources.limits().derived, context.sources.usage()));
}

Response limits_page(const Request&, const PageContext& context) {
    const LimitsView view = context.sources.limits();
    return json_response(render_limits(view.limits, view.derived));
}

Response capabilities_page(const Request&, const PageContext& context) {
    return json_response(render_findings(context.sources.diagnostics()));
}

Response config_page(const Request&, const PageContext& context) {
    return json_response(render_configuration(context.sources.configuration()));
}

Response workers_page(const Request&, const PageContext& context) {
    return json_response(render_workers(context.sources.workers()));
}

Response worker_page(const Request& request, const PageContext& context) {
    if (const auto worker = context.sources.worker(request.name)) {
        return json_response(render_worker(*worker));
    }
    return problem_response(404, request.path, "there is no worker called " + request.name);
}

}  // namespace pilotfish::http
