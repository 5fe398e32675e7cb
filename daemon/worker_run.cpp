#include "daemon/worker_run.h"

namespace pilotfish::daemon {

std::string_view name_of(EndReason reason) noexcept {
    switch (reason) {
        case EndReason::exited: return "exit";
        case EndReason::signalled: return "signal";
        case EndReason::oom_killed: return "oom";
        case EndReason::threw: return "exception";
        case EndReason::left_behind: return "left_behind";
        case EndReason::start_failed: return "start_failed";
        case EndReason::unhealthy: return "unhealthy";
    }
    return "?";
}

void say_of_worker(std::string_view worker, core::LogLevel level, std::string_view line) {
    if (!core::log_enabled(level)) return;
    const char* const joint = line.starts_with("cannot") ? ": " : " ";
    core::log(level, "daemon", std::string(worker) + joint + std::string(line));
}

}  // namespace pilotfish::daemon
