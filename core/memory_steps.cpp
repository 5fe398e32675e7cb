#include "core/memory_steps.h"

#include <algorithm>

namespace pilotfish::core {
namespace {

constexpr double kBrakeFrom = 1.0;
constexpr double kRearm = 0.05;

}  // namespace

bool MemorySteps::Step::due(double load, TimePoint now) {
    if (load < from - kRearm) {
        armed = true;
        pause = kReclaimPause;
    }
    if (load < from) return false;
    if (last && now - *last < (armed ? least : pause)) return false;
    // Not helped: the next one waits longer.
    if (!armed) pause = std::min<std::chrono::nanoseconds>(pause * 2, kLongestReclaimPause);
    take(now);
    return true;
}

void MemorySteps::Step::take(TimePoint now) {
    armed = false;
    last = now;
}

MemoryDue MemorySteps::look(std::uint64_t heap_bytes, std::optional<std::uint64_t> limit_bytes,
                            TimePoint now) {
    // A limit of nothing is legal, and reached whatever is used.
    double load = 0;
    if (limit_bytes)
        load = *limit_bytes == 0
                   ? kBrakeFrom
                   : static_cast<double>(heap_bytes) / static_cast<double>(*limit_bytes);
    MemoryDue due;
    due.shrink = shrink_.due(load, now);
    due.purge = purge_.due(load, now);
    brake_ = load >= kBrakeFrom || (brake_ && load >= kBrakeFrom - kRearm);
    due.brake = brake_;
    return due;
}

void MemorySteps::taken(const MemoryDue& steps, TimePoint now) {
    if (steps.shrink) shrink_.take(now);
    if (steps.purge) purge_.take(now);
}

}  // namespace pilotfish::core
