#include "http/finding.h"

#include <nlohmann/json.hpp>

namespace pilotfish::http {

std::string_view to_text(Verdict verdict) {
    switch (verdict) {
        case Verdict::ok: return "ok";
        case Verdict::warning: return "warning";
        case Verdict::failed: break;
    }
    return "failed";
}

std::string render_findings(const std::vector<Finding>& findings) {
    using Json = nlohmann::ordered_json;
    int counts[3] = {};
    Json list = Json::array();
    for (const Finding& finding : findings) {
        ++counts[static_cast<int>(finding.verdict)];
        Json one;
        one["topic"] = finding.topic;
        one["item"] = finding.item;
        one["verdict"] = to_text(finding.verdict);
        one["what"] = finding.what;
        one["mend"] = finding.mend.empty() ? Json(nullptr) : Json(finding.mend);
        list.push_back(std::move(one));
    }
    Json all;
    all["ok"] = counts[0];
    all["warnings"] = counts[1];
    all["failed"] = counts[2];
    all["findings"] = std::move(list);
    return all.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pilotfish::http
