#include "daemon/container_parts.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "core/log.h"

namespace pilotfish::daemon {

void become_subreaper(const config::Settings& settings) {
    if (getpid() == 1 || !settings.subreaper) return;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        core::log(core::LogLevel::warn, "daemon",
                  core::system_error("become the reaper of orphans: prctl", errno).message);
    }
}

std::string leave_directory() {
    char* const here = getcwd(nullptr, 0);
    if (here == nullptr || chdir("/") != 0) {
        free(here);
        return {};
    }
    std::string path = here;
    free(here);
    return path;
}

http::ControlAnswer answer_of(const core::Result<config::Difference>& reloaded) {
    if (!reloaded) return http::refused(409, reloaded.error().message);
    http::ControlAnswer answer;
    answer.status = 200;
    answer.json = reloaded->json() + "\n";
    return answer;
}

http::ControlAnswer answer_of_upgrade(const core::Result<void>& begun) {
    if (!begun) return http::refused(409, begun.error().message);
    http::ControlAnswer answer;
    answer.json = "{\"upgrade\":\"begun\"}\n";
    return answer;
}

std::vector<http::BoundListener> listeners_of(const Handover& handover) {
    std::vector<http::BoundListener> listeners;
    for (const ListenerHandover& from : handover.listeners) {
        http::BoundListener& bound = listeners.emplace_back();
        bound.kind = static_cast<http::ListenerKind>(from.kind);
        bound.asked = from.address;
        bound.fd = from.fd;
    }
    return listeners;
}

std::optional<WorkerGroupMemory> group_memory_of(const Worker& worker,
                                                 const cgroup::FileSource& source) {
    for (const cgroup::GroupPlace& place : worker.group_places()) {
        const auto& controllers = place.controllers;
        if (std::find(controllers.begin(), controllers.end(), "memory") == controllers.end())
            continue;
        const auto held = cgroup::group_firm_bytes(source, place.directory, place.version);
        if (!held) return std::nullopt;
        const auto figures = cgroup::read_group_memory(source, place.directory, place.version);
        return WorkerGroupMemory{*held, figures.limit_bytes};
    }
    return std::nullopt;
}

}  // namespace pilotfish::daemon
