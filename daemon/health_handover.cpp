// A worker's health through an upgrade in place: what is in its socket and its pipe stays there; a
// worker that was ready is; and how long it has been silent goes along without the pause.
//
// Commands and requests that are under way end with this image, and are no result: the next one
// asks anew.
#include <algorithm>
#include <utility>

#include "core/sleep.h"
#include "daemon/health.h"
#include "daemon/worker_run.h"

namespace pilotfish::daemon {
namespace {

using std::chrono::nanoseconds;

core::TimePoint time_of(std::int64_t ns) {
    return core::TimePoint(std::chrono::duration_cast<core::TimePoint::duration>(nanoseconds(ns)));
}

core::Duration span_of(std::int64_t ns) {
    return std::chrono::duration_cast<core::Duration>(nanoseconds(ns));
}

}  // namespace

void HealthRun::save(HealthHandover& handover) const {
    handover.has_run = true;
    handover.is_ready = ready_.is_set();
    handover.is_asked_to_end = stopping_.load(std::memory_order_relaxed);
    if (socket_) {
        handover.socket = socket_->fd();
        handover.address = socket_->address();
    }
    handover.ready_pipe = ready_fd_;
    const core::TimePoint now = core::runtime_now();
    const std::lock_guard lock(mutex_);
    if (main_pidfd_) handover.main_pidfd = main_pidfd_.get();
    if (ready_deadline_) handover.ready_left_ns = nanoseconds(*ready_deadline_ - now).count();
    handover.keep_alive_ns = nanoseconds(keep_alive_interval_).count();
    handover.silent_ns = nanoseconds(now - last_alive_).count();
}

void HealthRun::adopt(pid_t pid, const SpawnRequest& request, const HealthHandover& handover) {
    keep_command(request);
    if (!handover.is_ready) watch_lines();
    if (handover.socket >= 0) {
        auto socket = NotifySocket::adopt(handover.socket, handover.address);
        if (socket) {
            socket_.emplace(std::move(*socket));
        } else {
            say_of_worker(parts_.settings.name, core::LogLevel::error,
                          "is not heard any more: " + socket.error().message);
        }
    }
    if (handover.ready_pipe >= 0) {
        auto pipe = core::AsyncFd::adopt(handover.ready_pipe);
        if (pipe) ready_pipe_ = std::move(*pipe);
    }
    if (handover.is_asked_to_end) stopping();
    {
        const core::TimePoint now = core::runtime_now();
        const std::lock_guard lock(mutex_);
        main_pidfd_ = core::OwnedFd(handover.main_pidfd);
        if (handover.ready_left_ns) ready_deadline_ = now + span_of(*handover.ready_left_ns);
        keep_alive_interval_ = span_of(handover.keep_alive_ns);
        last_alive_ = now - span_of(handover.silent_ns);
    }
    if (handover.is_ready) ready_.set();
    watch(pid);
}

void Health::hold() {
    if (run_) run_->hold();
}

void Health::let_go() {
    if (run_) run_->let_go();
}

void Health::save(HealthHandover& handover) const {
    if (!board_) return;
    const HealthStatus status = board_->read();
    for (std::size_t at = 0; at < kChecks; ++at) {
        const CheckStatus& from = status.checks[at];
        CheckHandover& check = handover.checks.emplace_back();
        check.name = name_of(static_cast<Check>(at));
        check.tries = from.tries;
        check.failures = from.failures;
        check.failures_in_a_row = from.failures_in_a_row;
        check.ok = from.last.ok;
        check.detail = from.last.detail;
        check.output = from.last.output;
        check.when_ns = nanoseconds(from.when.time_since_epoch()).count();
        check.took_ns = nanoseconds(from.took).count();
    }
    handover.status = status.status;
    handover.reloading = status.reloading;
    handover.stopping = status.stopping;
    handover.error_number = status.error_number;
    handover.messages_refused = status.messages_refused;
    handover.live = board_->is_live();
    if (run_) run_->save(handover);
}

void Health::resume(const HealthHandover& handover) {
    if (!board_) return;
    HealthStatus status;
    for (const CheckHandover& from : handover.checks) {
        for (std::size_t at = 0; at < kChecks; ++at) {
            if (name_of(static_cast<Check>(at)) != from.name) continue;
            CheckStatus& check = status.checks[at];
            check.tries = from.tries;
            check.failures = from.failures;
            check.failures_in_a_row = from.failures_in_a_row;
            check.last = ProbeResult{from.ok, from.detail, from.output};
            check.when = time_of(from.when_ns);
            check.took = span_of(from.took_ns);
        }
    }
    status.status = handover.status;
    status.reloading = handover.reloading;
    status.stopping = handover.stopping;
    status.error_number = handover.error_number;
    status.messages_refused = handover.messages_refused;
    board_->resume(std::move(status), handover.live);
}

void Health::adopt(pid_t pid, const SpawnRequest& request, const HealthHandover& handover) {
    if (!board_) return;
    const HealthParts parts{settings_, ready_pattern_, *board_, *this, context_.processes()};
    run_ = std::make_unique<HealthRun>(parts);
    run_->adopt(pid, request, handover);
    if (const auto watch = run_->line_watch()) log_.tap_with([watch] { return watch->make_tap(); });
}

}  // namespace pilotfish::daemon
