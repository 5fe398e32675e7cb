#include "config/instances.h"

#include <utility>

namespace pilotfish::config {

std::string_view declared_name(std::string_view worker) {
    return worker.substr(0, worker.find('@'));
}

std::string_view declared_name(const WorkerSettings& worker) {
    return declared_name(std::string_view(worker.name));
}

void make_instances(Configuration& configuration) {
    std::vector<WorkerConfiguration> workers;
    for (WorkerConfiguration& declared : configuration.workers) {
        const int count = declared.settings.instances.count;
        for (int instance = 1; count > 1 && instance <= count; ++instance) {
            WorkerConfiguration& one = workers.emplace_back(declared);
            one.settings.instance = instance;
            one.settings.name += "@" + std::to_string(instance);
        }
        if (count == 1) workers.push_back(std::move(declared));
    }
    configuration.workers = std::move(workers);
}

}  // namespace pilotfish::config
