#include "daemon/worker_list.h"

#include "daemon/worker.h"

namespace pilotfish::daemon {

std::shared_ptr<Worker> WorkerList::find(std::string_view name) const {
    for (const auto& worker : *workers_)
        if (worker->settings().name == name) return worker;
    return nullptr;
}

}  // namespace pilotfish::daemon
