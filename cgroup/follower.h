// Follows the limits while the process runs: a passive state machine that its owner drives. It has
// no thread and no clock; time is passed in, so tests need no sleeping.
//
//   poll watch_fd() for reading      -> on_watch(now)
//   every PILOTFISH_LIMITS_INTERVAL  -> on_tick(now)
//   at next_check(), if any          -> on_check(now)
//   after each call that says true   -> limits() has changed: apply them
//   after each call                  -> take_event(): at most one story per resize, for people
//
// One thread at a time. Owns its descriptors and the FileSource; immovable. Never blocks (a tick is
// a few microseconds of pread; resolving anew about 100). Never fails: see LimitsReader; without
// inotify watch_fd() is -1 and the tick alone notices.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cgroup/limits_reader.h"

namespace pilotfish::cgroup {

struct FollowPolicy {
    // A smaller CPU limit counts after two equal reads this far apart: a resize is several writes.
    std::chrono::milliseconds confirm{100};
    // An event is told after this much quiet: an in-place pod resize is several writes over a
    // second.
    std::chrono::milliseconds quiet{1000};
    // A limit that never comes to rest is told at least this often. Chosen, not measured.
    std::chrono::milliseconds longest_unrest{10000};
    // Every how many ticks costly and absent files are read too. Chosen, not measured.
    int full_every_ticks = 10;
    // Every how many ticks the membership is compared: it costs as much as all limit files
    // together, and to be moved is rare. 2: a move shows within 2 s at the default interval.
    int membership_every_ticks = 2;
};

struct LimitsEvent {
    core::Limits before;
    core::Limits after;
    std::string source;  // the file that decided, or "affinity"
    std::string text;    // "CPU limit 2 -> 1.5 CPUs (/sys/fs/cgroup/cpu.max)"
};

class Follower {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    explicit Follower(FileSource source, FollowPolicy policy = {});
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;

    int watch_fd() const { return inotify_.get(); }
    // As they are to be applied: a shrink that is not yet confirmed does not show.
    const core::Limits& limits() const { return applied_; }
    std::uint64_t generation() const { return generation_; }  // counts the changes of limits()

    bool on_watch(TimePoint now);
    bool on_tick(TimePoint now);
    bool on_check(TimePoint now);
    std::optional<TimePoint> next_check() const;
    std::optional<LimitsEvent> take_event();

  private:
    template <class Limit>
    struct Held {
        Limit value;
        TimePoint since;
    };
    template <class Limit>
    bool holds(std::optional<Held<Limit>>& held, const Limit& seen, TimePoint now) const;
    void read_again(LimitsReader::Depth depth, bool membership);
    void resolve_again();
    void watch();
    bool apply(TimePoint now);
    void tell(TimePoint now);

    FileSource source_;
    FollowPolicy policy_;
    UniqueFd inotify_;
    std::vector<int> watches_;
    std::unique_ptr<LimitsReader> reader_;
    core::Limits applied_;
    std::uint64_t generation_ = 0;
    std::uint64_t ticks_ = 0;
    std::optional<Held<core::CpuLimit>> held_cpu_;
    std::optional<Held<core::MemoryLimit>> held_memory_;
    // The story being told: what held before its first change.
    std::optional<core::Limits> before_;
    TimePoint first_change_;
    TimePoint last_change_;
    std::optional<LimitsEvent> event_;
};

// In words, what differs; empty when nothing a person would call a change.
std::string change_text(const core::Limits& before, const core::Limits& after);

}  // namespace pilotfish::cgroup
