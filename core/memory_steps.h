// Which step is due as a heap nears its limit, and when the same one may be taken again. Pure: the
// heap's size and the time are passed in.
//
//   shrink   from 80%: registered caches and the free lists are given up
//   purge    from 90%: freed memory goes back to the system, which costs up to 100 ms of a thread
//   brake    from 100%: what is spawned waits a moment for room (core/memory_room.h)
//
// A step ends, and is armed anew, five points lower. While the heap stays above, it is repeated
// after 30 s, then after twice as long each time: what did not help the first time will hardly help
// the next. The percentages and the growth of the pause are chosen, not measured; 90% is where .NET
// begins to collect for want of memory. The 30 s are those of a purge: malloc_trim took 89-111 ms
// for 304 MiB, and 12 ms with nothing to give.
//
// Not thread-safe: core/memory_limit.h has the one of the process, under a lock. Never blocks or
// fails.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "core/clock.h"

namespace pilotfish::core {

inline constexpr std::chrono::seconds kReclaimPause{30};
inline constexpr std::chrono::seconds kLongestReclaimPause{480};  // four doublings

// What to do now.
struct MemoryDue {
    bool shrink = false;
    bool purge = false;
    bool brake = false;  // a state, not an event: it holds until a look that says otherwise
    bool any_step() const { return shrink || purge; }
    bool operator==(const MemoryDue&) const = default;
};

class MemorySteps {
  public:
    // Of the limit: nothing is due below.
    static constexpr double kFirstFrom = 0.8;

    // The look takes the steps that it says are due: their pauses begin now.
    // limit_bytes: nullopt: none, and nothing is due.
    MemoryDue look(std::uint64_t heap_bytes, std::optional<std::uint64_t> limit_bytes,
                   TimePoint now);
    // Steps that were taken for another reason; their pauses begin now, too.
    void taken(const MemoryDue& steps, TimePoint now);

  private:
    struct Step {
        double from;                     // load
        std::chrono::nanoseconds least;  // between two of them, however often it is armed
        std::optional<TimePoint> last{};
        std::chrono::nanoseconds pause{kReclaimPause};  // while the load stays above
        bool armed = true;

        bool due(double load, TimePoint now);
        void take(TimePoint now);
    };

    // To shrink is cheap, and often all that is needed.
    Step shrink_{.from = kFirstFrom, .least = std::chrono::nanoseconds(0)};
    Step purge_{.from = 0.9, .least = kReclaimPause};
    bool brake_ = false;
};

}  // namespace pilotfish::core
