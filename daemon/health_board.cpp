#include "daemon/health_board.h"

#include <utility>

namespace pilotfish::daemon {
namespace {

std::size_t at(Check check) { return static_cast<std::size_t>(check); }

}  // namespace

std::string_view name_of(Check check) noexcept {
    switch (check) {
        case Check::ready: return "ready";
        case Check::liveness: return "liveness";
        case Check::watchdog: return "watchdog";
    }
    return "?";
}

void HealthBoard::begin_run() {
    const std::lock_guard lock(mutex_);
    // The last results stay to be looked at: they tell why the run before was ended.
    for (CheckStatus& check : status_.checks) check.failures_in_a_row = 0;
    status_.status.clear();
    status_.reloading = status_.stopping = false;
    status_.error_number.reset();
    weigh();
}

void HealthBoard::note(Check check, ProbeResult result, core::TimePoint when, core::Duration took) {
    const std::lock_guard lock(mutex_);
    CheckStatus& status = status_.checks[at(check)];
    ++status.tries;
    if (result.ok) {
        status.failures_in_a_row = 0;
    } else {
        ++status.failures;
        ++status.failures_in_a_row;
    }
    status.last = std::move(result);
    status.when = when;
    status.took = took;
    weigh();
}

std::uint64_t HealthBoard::failures_in_a_row(Check check) const {
    const std::lock_guard lock(mutex_);
    return status_.checks[at(check)].failures_in_a_row;
}

std::string HealthBoard::last_detail(Check check) const {
    const std::lock_guard lock(mutex_);
    return status_.checks[at(check)].last.detail;
}

void HealthBoard::set_status(std::string status) {
    const std::lock_guard lock(mutex_);
    status_.status = std::move(status);
}

void HealthBoard::set_reloading(bool reloading) {
    const std::lock_guard lock(mutex_);
    status_.reloading = reloading;
    weigh();
}

void HealthBoard::set_stopping() {
    const std::lock_guard lock(mutex_);
    status_.stopping = true;
    weigh();
}

void HealthBoard::set_error_number(int number) {
    const std::lock_guard lock(mutex_);
    status_.error_number = number;
}

void HealthBoard::refuse_message() {
    const std::lock_guard lock(mutex_);
    ++status_.messages_refused;
}

HealthStatus HealthBoard::read() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

void HealthBoard::resume(HealthStatus status, bool live) {
    const std::lock_guard lock(mutex_);
    status_ = std::move(status);
    live_.store(live, std::memory_order_relaxed);
    weigh();
}

void HealthBoard::weigh() {
    const bool failing = status_.checks[at(Check::liveness)].failures_in_a_row > 0;
    held_.store(status_.reloading || status_.stopping || failing, std::memory_order_relaxed);
}

}  // namespace pilotfish::daemon
