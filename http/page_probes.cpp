// The probes, in the words Kubernetes' own components use.
#include "http/pages.h"
#include "http/routes.h"

namespace pilotfish::http {
namespace {

Response probe(const Request& request, std::string_view name, const HealthView& health) {
    if (health.ok && !request.flag("verbose")) return text_response(200, "ok\n");
    std::string text;
    for (const Cause& cause : health.causes) {
        text += cause.ok ? "[+]" : "[-]";
        text += cause.name + (cause.ok ? " ok" : " failed");
        if (!cause.detail.empty()) text += ": " + cause.detail;
        text += '\n';
    }
    text += std::string(name) + (health.ok ? " check passed\n" : " check failed\n");
    return text_response(health.ok ? 200 : 503, std::move(text));
}

}  // namespace

Response livez_page(const Request& request, const PageContext& context) {
    return probe(request, "livez", context.sources.liveness());
}

Response readyz_page(const Request& request, const PageContext& context) {
    return probe(request, "readyz", context.sources.readiness());
}

Response startupz_page(const Request& request, const PageContext& context) {
    return probe(request, "startupz", context.sources.startup());
}

}  // namespace pilotfish::http
