#include "core/leak_check.h"

#include "core/sleep.h"

namespace pilotfish::runtime {

using core::StackCensus;

std::string Leak::text() const {
    std::string out = std::to_string(grown_by()) + (grown_by() == 1 ? " task" : " tasks") +
                      " more (" + std::to_string(now.count) + " now) at\n";
    core::append_frames(out, now);
    return out;
}

core::Task<std::vector<Leak>> leak_check(core::Task<> work, core::Duration patience) {
    const StackCensus before = StackCensus::take(StackCensus::Of::others);
    co_await work;
    const core::TimePoint until = core::deadline_after(core::runtime_now(), patience);
    std::vector<core::StackGrowth> growth;
    // Doubling, as a goroutine leak detector does: most tasks are gone at the first look.
    for (core::Duration pause = std::chrono::microseconds(100);; pause *= 2) {
        co_await core::yield();
        growth = StackCensus::take(StackCensus::Of::others).growth_since(before);
        if (growth.empty() || core::runtime_now() >= until) break;
        co_await core::sleep_for(pause);
    }
    std::vector<Leak> leaks;
    for (core::StackGrowth& grown : growth) leaks.push_back({grown.before, std::move(grown.now)});
    co_return leaks;
}

}  // namespace pilotfish::runtime
