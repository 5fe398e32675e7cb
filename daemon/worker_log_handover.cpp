// A worker's output through an upgrade in place: what is in its pipes stays there, what was read of
// an unfinished line goes with us, and so do the last lines with their cursors.
#include <chrono>

#include "daemon/worker_log.h"
#include "daemon/worker_run.h"

namespace pilotfish::daemon {

void WorkerLog::hold() {
    {
        const std::lock_guard lock(streams_->mutex);
        held_ = streams_->pipes;
    }
    for (const auto& pipe : held_) pipe->reading.lock();
}

void WorkerLog::let_go() {
    for (const auto& pipe : held_) pipe->reading.unlock();
    held_.clear();
}

void WorkerLog::save(LogHandover& handover) const {
    handover.lines = lines();
    handover.lines_lost = lost_lines();
    for (const auto& pipe : held_) {
        if (pipe->ended) continue;
        const LogStream& stream = *pipe->stream;
        handover.streams.push_back({pipe->fd, pipe->kind == OutputKind::standard_error,
                                    std::string(stream.unfinished()), stream.continues()});
    }
    if (!ring_) return;
    LogRing::Saved saved = ring_->save();
    handover.ring_base = saved.base;
    handover.ring_newest = saved.newest;
    handover.ring = std::move(saved.blocks);
}

void WorkerLog::adopt(const LogHandover& handover) {
    {
        const std::lock_guard lock(streams_->mutex);
        streams_->ended_lines = handover.lines;
        streams_->ended_lost = handover.lines_lost;
    }
    if (ring_ && handover.ring_newest > 0) {
        const LogRing::Saved saved{handover.ring_base, handover.ring_newest, handover.ring};
        if (!ring_->restore(saved))
            say_of_worker(settings_.name, core::LogLevel::warn,
                          "its last lines were not taken over: they cannot be read");
    }
    for (const StreamHandover& from : handover.streams) {
        const auto kind =
            from.standard_error ? OutputKind::standard_error : OutputKind::standard_output;
        if (!start_pump(from.fd, kind, &from))
            say_of_worker(settings_.name, core::LogLevel::error,
                          "its output is lost: the event loop does not take its pipe");
    }
}

}  // namespace pilotfish::daemon
