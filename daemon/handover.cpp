#include "daemon/handover.h"

namespace pilotfish::daemon {

std::vector<int> descriptors_of(const Handover& handover) {
    std::vector<int> all;
    const auto add = [&all](int fd) {
        // The standard ones stay open over an exec anyway.
        if (fd > 2) all.push_back(fd);
    };
    for (const WorkerHandover& worker : handover.workers) {
        add(worker.run.pidfd);
        for (const StreamHandover& stream : worker.log.streams) add(stream.fd);
        add(worker.health.socket);
        add(worker.health.ready_pipe);
        add(worker.health.main_pidfd);
    }
    for (const ListenerHandover& listener : handover.listeners) add(listener.fd);
    return all;
}

}  // namespace pilotfish::daemon
