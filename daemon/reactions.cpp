#include "daemon/reactions.h"

#include "config/signal_name.h"

namespace pilotfish::daemon {

bool react(Worker& worker, const config::Reaction& reaction, const std::string& reason) {
    const WorkerState state = worker.state();
    if (state != WorkerState::running && state != WorkerState::ready) return false;
    switch (reaction.kind) {
        case config::Reaction::Kind::none: return false;
        case config::Reaction::Kind::signal: {
            const ReceivedSignal signal{
                .number = reaction.signal.number, .queued = false, .value = {}, .sender = 0};
            return worker.forward(signal);
        }
        case config::Reaction::Kind::restart: worker.restart(reason); return true;
    }
    return false;
}

void ResizeReactions::limits_resized(const cgroup::LimitsEvent&) {
    if (supervisor_.shutting_down()) return;
    for (const auto& worker : supervisor_.workers()) {
        const config::Reaction& reaction = worker->settings().on_resize;
        if (!react(*worker, reaction, "resize") || reaction.kind != config::Reaction::Kind::signal)
            continue;
        say_of_worker(worker->settings().name, core::LogLevel::info,
                      "is told of the resize by " + config::format_signal(reaction.signal));
    }
}

}  // namespace pilotfish::daemon
