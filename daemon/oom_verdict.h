// Whether it was the kernel, for want of memory, that killed a worker: told from any other SIGKILL
// by the counts of OOM kills, read before and after.
//
//   - A worker with a cgroup of its own: a rise of that group's count is proof.
//   - Without: the container's count, which all workers share (daemon/oom_ledger.h).
//   - A kill that no worker's own process died of took a child of one: it is told in the log and
//     counted, and ends nobody.
//   - When memory.oom.group takes the whole container it takes us too, and the orchestrator alone
//     can tell. When it takes a worker's own group, the verdict says so.
//
// Thread-safety: any thread (one short lock). Ownership: borrows the source. Blocks: only on
// cgroupfs, a microsecond a group. Suspends: judge(), at most kLongestLook, and only where a count
// has not risen. Fails: never; what cannot be told is Finding::cannot_tell.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cgroup/file_source.h"
#include "cgroup/oom_counter.h"
#include "core/limits.h"
#include "core/task.h"
#include "daemon/oom_ledger.h"

namespace pilotfish::daemon {

struct OomVerdict {
    enum class Finding : std::uint8_t { out_of_memory, something_else, cannot_tell };
    Finding finding = Finding::cannot_tell;
    // "out of memory (container limit 256 MiB, peak 256 MiB)"; empty unless out_of_memory.
    std::string cause;
};

class OomWatch {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;
    using LimitsNow = std::function<core::Limits()>;
    // What happened to a process of a worker; no name: of the container. Any thread.
    using Tell = std::function<void(const std::string& worker, const std::string& text)>;

    // Reads nothing yet: a start is not the time for it.
    OomWatch(const cgroup::FileSource& source, LimitsNow limits, Tell tell);

    // How many workers are processes; 1 unless told otherwise.
    void count_workers(std::size_t workers) { workers_ = workers; }
    // From here on kills are noticed.
    void begin(TimePoint now);
    // A run of some worker is about to start: what was killed before is none of its.
    void run_begins(TimePoint now);
    // The limits changed: it may be another group that we are in.
    void limits_changed(TimePoint now);
    // Now and then (the shared tick): notices kills and tells of those that took no worker.
    void look(TimePoint now);
    // Nobody is left who could be ending: tells of all kills that took no worker, and returns that.
    std::string finish(TimePoint now);

    // A worker's own memory group: to be added before its first process is born in it, and removed
    // here before its directory is, since its count goes with it.
    void add_group(const std::string& worker, const std::string& directory, int version);
    void remove_group(const std::string& worker);

    // The end of the worker's process by a SIGKILL that was not ours, in a run begun then.
    core::Task<OomVerdict> judge(std::string worker, TimePoint run_begin);
    // It exited with the code a shell gives for SIGKILL: the cause, when what it had started was
    // killed for want of memory. Without a group of its own only where no other worker could be
    // meant.
    std::optional<std::string> judge_child(const std::string& worker, TimePoint now);

    // Totals: of a worker as far as they can be told to be its; of the container's groups.
    std::uint64_t kills_of(const std::string& worker) const;
    // What the container's own count misses: v1 counts nothing of the groups below it.
    std::uint64_t kills_below() const;

    static constexpr std::chrono::milliseconds kLongestLook{20};

  private:
    struct Group {
        cgroup::OomCounter counter;
        cgroup::OomKills seen;
        bool readable = false;
        std::uint64_t waiting = 0;  // noticed, and not yet known whom they took
        bool hit_limit = false;     // by its own limit, not by one above
        bool whole_group = false;   // memory.oom.group took them
        TimePoint noticed{};
    };
    struct Story {
        std::string worker;
        std::string text;
    };
    // How many more were killed than at the last reading.
    std::uint64_t read_group(const std::string& worker, Group& group, TimePoint now);
    void read_all(TimePoint now);
    std::optional<std::string> find(const std::string& worker, TimePoint now);
    bool hit_own_limit(const Group& group, const cgroup::OomKills& now) const;
    bool sees_all_below(const cgroup::OomCounter& counter, std::size_t known_below) const;
    bool surely_not(const std::string& worker, TimePoint run_begin) const;
    std::string cause_in(const Group* group) const;
    std::optional<Story> story_of(const std::string& worker, Group& group) const;
    std::vector<Story> unclaimed(TimePoint now, bool all);

    const cgroup::FileSource& source_;
    const LimitsNow limits_;
    const Tell tell_;
    std::atomic<std::size_t> workers_{1};
    mutable std::mutex mutex_;
    cgroup::OomCounter container_;
    OomLedger ledger_;
    std::map<std::string, Group> groups_;  // by worker
    std::map<std::string, std::uint64_t> kills_;
    std::uint64_t kills_below_ = 0;
};

}  // namespace pilotfish::daemon
