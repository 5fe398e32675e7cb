// Decides what is done to workers when the container's memory runs short: a passive state machine,
// like cgroup/follower.h. Its owner measures, passes what it found and the time in, and carries out
// what it is told.
//
// Near: the container's working set against its soft limit. From 95% of it ON_MEMORY=signal:...
// is applied, as a signal costs little; ON_MEMORY=restart from 100% by what cannot be reclaimed, as
// a working set is full of active page cache after any large read and the kernel drops that before
// it kills anybody; or from 95% of the working set when the kernel tells of memory pressure. The
// soft limit is 90% of the container's, where .NET begins to
// collect for want of memory; the last tenth is what a worker may still grow while it is being
// ended. Nothing is done to a worker with ON_MEMORY=none, nor may one with RESTART=never be
// restarted.
//
// The one that grew most goes first: by how much it is larger than 10 to 20 minutes ago or, if it
// was not watched then, than when the working set passed 70% of the soft limit; all it has where
// there was no time for a look before it came near. Who holds less than a twentieth of the soft
// limit is not restarted: that would not help.
//
// No storm: one at a time, whatever it is for; after each, 10 s to show whether it helped, and
// after a restart that lowered the load by less than five points twice as long as before, up to 10
// minutes; a worker is signalled once a minute at most; at most 3 restarts of one worker and 6 of
// all in 10 minutes. What is withheld for that is told once. The episode is over five points below
// where it began. All these figures are chosen, not measured, but for the 90%.
//
// A worker over its own MEMORY gets its ON_MEMORY by the same rules. Where a cgroup caps it, that
// is from 95% of the cap on: past the cap the kernel kills. Where none does, it is from 100%, and
// one without ON_MEMORY gets one warning an episode.
//
// Not thread-safe: daemon/memory_watch.h has a lock. Never blocks, never fails. Sizes in bytes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "config/resource_amount.h"

namespace pilotfish::daemon {

struct GuardPolicy {
    double watch_from = 0.70;  // of the soft limit
    double signal_from = 0.95;
    double restart_from = 1.00;
    double rearm = 0.05;  // points below, where an episode is over
    double worth = 0.05;  // of the soft limit: who holds less is not restarted
    std::chrono::seconds settle{10};
    std::chrono::seconds longest_settle{600};  // after restarts that did not help
    double capped_from = 0.95;                 // of its own MEMORY, which a cgroup caps
    std::chrono::seconds signal_pause{60};
    std::chrono::seconds growth_window{600};
    std::chrono::seconds restart_window{600};
    std::size_t restarts_of_one = 3;
    std::size_t restarts_of_all = 6;
};

// A worker as it is now.
struct GuardedWorker {
    config::Reaction::Kind reaction = config::Reaction::Kind::none;
    bool may_restart = false;  // its RESTART is not never
    bool runs = false;         // there is somebody to signal, and nobody has asked it to end
    bool is_ending = false;    // asked to end, or what it left behind is being ended
    std::uint64_t run = 0;     // which of its runs: a new one has not grown yet
    std::uint64_t resident_bytes = 0;
    std::optional<std::uint64_t> own_bytes;  // its MEMORY
    bool is_capped = false;                  // by a cgroup, which the kernel enforces
};

struct GuardLook {
    std::chrono::steady_clock::time_point now;
    std::uint64_t working_set_bytes = 0;
    std::optional<std::uint64_t> soft_bytes;  // nullopt: nothing to be near to
    // The same of what cannot be reclaimed; may be of another level. nullopt: it is not told.
    std::optional<std::uint64_t> firm_bytes;
    std::optional<std::uint64_t> firm_soft_bytes;
    bool pressed = false;                    // the kernel told of memory pressure just now
    std::span<const GuardedWorker> workers;  // the same in the same order, until follow()
};

struct GuardAction {
    enum class Kind : std::uint8_t {
        signal,
        restart,
        warn,      // it is over its own MEMORY, and has no ON_MEMORY
        withheld,  // it would be restarted, had it (or all) not been restarted too often
    } kind;
    enum class Cause : std::uint8_t { container, own_memory } cause;
    std::size_t worker = 0;
    std::uint64_t used_bytes = 0;   // the container's (GuardLook), or what the worker holds
    std::uint64_t limit_bytes = 0;  // the soft limit, or its MEMORY
    std::uint64_t resident_bytes = 0;
    std::uint64_t grown_bytes = 0;

    bool operator==(const GuardAction&) const = default;
};

// "signal", "restart", "warn", "withheld".
std::string_view name_of(GuardAction::Kind kind) noexcept;

class MemoryGuard {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    explicit MemoryGuard(std::size_t workers, GuardPolicy policy = {});

    // True: with this working set it has to know what the workers hold; else resident_bytes of
    // those without own_bytes may be left out.
    bool wants_sizes(std::uint64_t working_set_bytes,
                     std::optional<std::uint64_t> soft_bytes) const;
    // What to do now, mostly nothing. Requires: as many workers as were told of.
    std::vector<GuardAction> look(const GuardLook& look);
    // The workers are others from now on: for each, the place that it had until now; nullopt: it is
    // new. What is known of those who have left is forgotten.
    void follow(std::span<const std::optional<std::size_t>> old_places);

  private:
    struct Memory {
        std::uint64_t run = 0;
        bool watched = false;
        std::uint64_t older_bytes = 0;  // what growth is measured from
        std::uint64_t newer_bytes = 0;  // what it will be measured from
        TimePoint newer_at{};
        std::optional<TimePoint> signalled;
        std::deque<TimePoint> restarts;  // in the last restart_window
        bool told_own = false;           // that it is over its own MEMORY
    };

    void watch_growth(const GuardLook& look, double load);
    std::uint64_t growth(const GuardedWorker& worker, const Memory& memory) const;
    bool may_restart_now(Memory& memory, TimePoint now);
    bool may_act(const GuardLook& look) const;
    void judge_last_restart(TimePoint now, double firm_load);
    void mind_container(const GuardLook& look, double load, std::vector<GuardAction>& actions);
    void mind_own(const GuardLook& look, std::size_t at, std::vector<GuardAction>& actions);
    void act(GuardAction action, TimePoint now, std::vector<GuardAction>& actions);

    GuardPolicy policy_;
    std::vector<Memory> memories_;
    std::deque<TimePoint> restarts_;  // of all, in the last restart_window
    std::optional<TimePoint> acted_;  // the last signal or restart
    bool acts_ = false;               // this look may still do something to a worker
    // Of the last restart for the container; until it is known whether it helped.
    std::optional<double> load_at_restart_;
    std::optional<TimePoint> restarted_;
    std::chrono::seconds restart_pause_;
    bool watching_ = false;
    bool near_ = false;           // the container's episode
    bool told_withheld_ = false;  // in it
};

}  // namespace pilotfish::daemon
