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
        Json not_set = Json::array();
        for (const OmissionView& omission : worker.omissions) {
            not_set.push_back({{"name", omission.name}, {"reason", omission.reason}});
        }
        list.push_back({{"worker", worker.worker},
                        {"program", worker.program.empty() ? Json(nullptr) : Json(worker.program)},
                        {"variables", std::move(variables)},
                        {"not_set", std::move(not_set)}});
    }
    return list.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pilotfish::http
