#include "daemon/health_view.h"

#include <algorithm>
#include <chrono>

#include "core/sleep.h"

namespace pilotfish::daemon {
namespace {

double seconds(core::Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string words_of(const HealthStatus& status) {
    std::string words;
    const auto add = [&words](const std::string& part) {
        words += (words.empty() ? "" : "; ") + part;
    };
    for (std::size_t at = 0; at < kChecks; ++at) {
        const CheckStatus& check = status.checks[at];
        if (check.failures_in_a_row == 0) continue;
        std::string part = std::string(name_of(static_cast<Check>(at))) + ": " + check.last.detail;
        if (check.failures_in_a_row > 1)
            part += ", " + std::to_string(check.failures_in_a_row) + " times in a row";
        add(part);
    }
    if (status.reloading) add("it says that it reloads");
    if (status.stopping) add("it says that it stops");
    if (status.error_number) add("it says ERRNO=" + std::to_string(*status.error_number));
    if (!status.status.empty()) add("it says: " + status.status);
    return words;
}

}  // namespace

std::string health_words(const HealthBoard& board) { return words_of(board.read()); }

void fill_health(http::WorkerView& view, const HealthBoard& board) {
    const HealthStatus status = board.read();
    const core::TimePoint now = core::runtime_now();
    view.health = words_of(status);
    view.status = status.status;
    for (std::size_t at = 0; at < kChecks; ++at) {
        const CheckStatus& check = status.checks[at];
        if (check.tries == 0) continue;
        http::HealthCheckView one;
        one.check = name_of(static_cast<Check>(at));
        one.ok = check.last.ok;
        one.detail = check.last.detail;
        one.output = check.last.output;
        one.age_seconds = std::max(0.0, seconds(now - check.when));
        one.took_seconds = seconds(check.took);
        one.tries = check.tries;
        one.failures = check.failures;
        one.failures_in_a_row = check.failures_in_a_row;
        view.checks.push_back(std::move(one));
    }
}

}  // namespace pilotfish::daemon
