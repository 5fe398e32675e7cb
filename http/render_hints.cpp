#include "http/render_hints.h"

#include <nlohmann/json.hpp>

namespace pilotfish::http {

std::string render_hints(const std::vector<WorkerHintsView>& workers) {
    using Json = nlohmann::ordered_json;
    Json list = Json::array();
    for (const WorkerHintsView& worker : workers) {
        Json variables = Json::array();
        for (const HintView& hint : worker.hints) {
            variables.push_back(
                {{"name", hint.name}, {"value", hint.value}, {"reason", hint.reason}});
        }
        list.push_back({{"worker", worker.worker}, {"variables", std::move(variables)}});
    }
    return list.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pilotfish::http
