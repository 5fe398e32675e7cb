// What a worker's life does about the health of its run.
#include <algorithm>

#include "daemon/worker.h"

namespace pilotfish::daemon {

bool Worker::is_ready() const {
    if (state() != WorkerState::ready) return false;
    return health() == nullptr || !health()->holds_back();
}

void Worker::health_ready() { post_of_health({.kind = Message::Kind::ready}); }

void Worker::health_trouble(HealthTrouble trouble, std::vector<std::string>) {
    post_of_health({.kind = Message::Kind::unhealthy,
                    .trouble = std::make_shared<const HealthTrouble>(std::move(trouble))});
}

void Worker::health_extends_stop(SteadyTime until) {
    post_of_health({.kind = Message::Kind::extend_stop, .until = until});
}

// May come late, when the run it is of has ended.
void Worker::post_of_health(Message message) {
    message.health_run = run_number_.load(std::memory_order_relaxed);
    inbox_.post(std::move(message));
}

// Like a restart, but a failure: its RESTART is asked, and there is a back-off. The evidence has
// been told.
void Worker::begin_end_of_unhealthy(const Message& message) {
    if (stop_requested_ || restart_reason_ || trouble_ || !is_of_this_run(message)) return;
    trouble_ = message.trouble;
    apply(WorkerEvent::restart_asked);
    stop_deadline_ = SteadyClock::now() + settings_.stop_timeout;
    const int number = trouble_->signal != 0 ? trouble_->signal : settings_.stop_signal.number;
    ask_to_stop({.number = number, .queued = false, .value = {}, .sender = 0});
}

bool Worker::is_of_this_run(const Message& message) const {
    return message.health_run == 0 ||
           message.health_run == run_number_.load(std::memory_order_relaxed);
}

}  // namespace pilotfish::daemon
