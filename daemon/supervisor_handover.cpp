// The supervisor on its way into an upgrade in place.
//
// First whatever may take its time, beside the running workers: hosted tasks end, starts and hooks
// under way come to their end. Then the pause begins: no signal is read and no child collected
// (both wait in the kernel), each worker's life stands still, nothing is read of what workers say
// and nothing written. All that is left to do is on one thread: save, let the new binary look at
// it, execve. Should any of that fail, everything is let go again in the reverse order and nobody
// has noticed more than a pause.
#include <algorithm>

#include "daemon/supervisor.h"

namespace pilotfish::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// Starts, hooks and the end of a probe are waited for; nothing is paused meanwhile but that a
// worker which ends is started again a little later. Chosen: what takes longer is told of, by name.
constexpr std::chrono::seconds kRestPatience{5};
// Beyond its STOP_TIMEOUT a hosted task is left behind within milliseconds.
constexpr std::chrono::seconds kHostedMargin{2};
// For the answer to get out to whoever asked for the upgrade. Chosen.
constexpr milliseconds kAnswerTime{50};
// What a log's file may take to be written to in the pause.
constexpr milliseconds kFilePatience{100};
// How often somebody may send a worker something in the moment of the jump.
constexpr int kTries = 20;

core::Error cannot(const std::string& why) { return core::Error{"cannot upgrade: " + why, 0}; }

}  // namespace

void Supervisor::hand_over() {
    Event event{.kind = Event::Kind::hand_over};
    events_.post(std::move(event));
}

void Supervisor::hold_signals(bool held) {
    const std::lock_guard lock(signals_mutex_);
    signals_held_.store(held, std::memory_order_release);
}

std::optional<core::Error> Supervisor::why_no_upgrade() const {
    if (shutdown_) return cannot("the container is being stopped");
    if (!successors_.empty())
        return cannot("a reload is under way, and " + successors_.begin()->first +
                      " has not left yet; try again when it has");
    return std::nullopt;
}

bool Supervisor::all_rest() const {
    return held_.size() == workers_.size() &&
           std::all_of(held_.begin(), held_.end(),
                       [](const auto& worker) { return worker->rests(); });
}

// Who is sent something while it stands still takes that up first, and rests again.
core::Task<std::optional<core::Error>> Supervisor::bring_to_rest(bool hosted, SteadyTime deadline) {
    for (;;) {
        std::optional<core::Error> failure = why_no_upgrade();
        if (failure) co_return failure;
        const Worker* moving = nullptr;
        for (const auto& worker : workers_) {
            if (hosted && !worker->is_hosted()) continue;
            const bool is_held = std::find(held_.begin(), held_.end(), worker) != held_.end();
            const bool has_news = is_held && worker->has_news();
            if (has_news) worker->let_go();
            if (!is_held || has_news) worker->hold();
            if (!is_held) held_.push_back(worker);
            if (!worker->rests()) moving = worker.get();
        }
        if (moving == nullptr) co_return std::nullopt;
        const SteadyTime now = SteadyClock::now();
        if (now >= deadline)
            co_return cannot(moving->settings().name + " is " +
                             std::string(sentence_of(moving->state())) +
                             " and does not come to a rest; try again");
        const SteadyTime next_look = now + milliseconds(1);
        auto received = co_await events_.receive(next_look);
        if (received.value) handle(*received.value);
    }
}

void Supervisor::let_go_on(bool hosted) {
    for (const auto& worker : held_) {
        if (hosted || !worker->is_hosted()) worker->let_go();
    }
    std::erase_if(held_, [&](const auto& worker) { return hosted || !worker->is_hosted(); });
}

// Everything that may stand in the way, while all goes on: what is said of it here can be answered.
core::Task<std::optional<core::Error>> Supervisor::prepare_upgrade() {
    nanoseconds patience = kHostedMargin;
    for (const auto& worker : workers_) {
        if (worker->is_hosted())
            patience =
                std::max<nanoseconds>(patience, worker->settings().stop_timeout + kHostedMargin);
    }
    const SteadyTime hosted_deadline = SteadyClock::now() + patience;
    std::optional<core::Error> failure = co_await bring_to_rest(true, hosted_deadline);
    if (failure) co_return failure;
    const SteadyTime deadline = SteadyClock::now() + kRestPatience;
    failure = co_await bring_to_rest(false, deadline);
    let_go_on(false);
    co_return failure;
}

core::Task<void> Supervisor::carry_out_upgrade() {
    std::optional<core::Error> failure = co_await prepare_upgrade();
    if (!failure) parts_.upgrade_agreed();
    const SteadyTime begins = SteadyClock::now() + kAnswerTime;
    while (!failure && SteadyClock::now() < begins) {
        auto received = co_await events_.receive(begins);
        if (received.value) handle(*received.value);
    }
    for (int attempt = 0; !failure && attempt < kTries; ++attempt) {
        const SteadyTime deadline = SteadyClock::now() + kRestPatience;
        failure = co_await bring_to_rest(false, deadline);
        if (!failure) {
            const SteadyTime paused = SteadyClock::now();
            hold_signals(true);
            std::optional<core::Error> reason;
            const auto jump = [&] { reason = jump_from_rest(paused); };
            // The kernel takes the end of the thread that made a child for the end of its parent
            // (PR_SET_PDEATHSIG), and an execve ends every thread but its own.
            co_await processes_.spawner().run_on(jump);
            if (reason) failure = std::move(reason);
            hold_signals(false);
        }
        // We are still here. Hosted tasks that rest are started again at the very end.
        let_go_on(false);
    }
    if (!failure) failure = cannot("workers are sent something all the time");
    let_go_on(true);
    parts_.upgrade_failed(*failure);
}

// nullopt: somebody was sent something in the last moment; try again.
std::optional<core::Error> Supervisor::jump_from_rest(SteadyTime paused) {
    if (!all_rest()) return std::nullopt;
    const auto frozen = processes_.freeze();
    for (const auto& worker : held_) worker->hold_streams();
    // A request to stop that came meanwhile is not to be lost; all else the next image finds out
    // from the workers' states.
    std::vector<Event> news;
    while (auto received = events_.try_receive()) news.push_back(std::move(*received.value));
    std::optional<core::Error> failure;
    bool has_changes = false;
    for (const Event& event : news) {
        if (event.kind == Event::Kind::stop) failure = cannot("the container is being stopped");
        has_changes = has_changes || event.kind == Event::Kind::workers_change;
    }
    if (!failure && !has_changes && all_rest()) {
        Handover handover;
        handover.paused_ns = nanoseconds(paused.time_since_epoch()).count();
        failure = try_jump(handover);
    }
    for (Event& event : news) events_.post(std::move(event));
    for (const auto& worker : held_) worker->let_streams_go();
    return failure;
}

// Requires: all rests, the table is frozen. Returns only when it failed.
std::optional<core::Error> Supervisor::try_jump(Handover& handover) {
    const SteadyTime deadline = SteadyClock::now() + kFilePatience;
    for (const auto& worker : held_) {
        if (!worker->log().flush(deadline - SteadyClock::now()))
            return cannot("the log file of " + worker->settings().name +
                          " cannot be written now, and what waits for it would be lost");
    }
    save(handover);
    return parts_.jump(handover);
}

}  // namespace pilotfish::daemon
