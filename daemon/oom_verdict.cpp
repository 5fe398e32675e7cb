#include "daemon/oom_verdict.h"

#include <sys/stat.h>

#include <utility>

#include "cgroup/derive.h"
#include "core/sleep.h"

namespace pilotfish::daemon {
namespace {

using std::chrono::milliseconds;

// Between one look and the next where a count has not risen yet; kLongestLook together.
constexpr milliseconds kPauses[] = {milliseconds(1), milliseconds(4), milliseconds(15)};

std::string were_killed(std::uint64_t kills, const std::string& whose, const std::string& cause) {
    const std::string who = kills == 1 ? "a process" : std::to_string(kills) + " processes";
    return who + " of " + whose + (kills == 1 ? " was" : " were") +
           " killed by the kernel: " + cause;
}

}  // namespace

OomWatch::OomWatch(const cgroup::FileSource& source, LimitsNow limits, Tell tell)
    : source_(source), limits_(std::move(limits)), tell_(std::move(tell)) {}

void OomWatch::begin(TimePoint now) {
    const core::Limits limits = limits_();
    const std::lock_guard lock(mutex_);
    container_ = cgroup::OomCounter::of_container(source_, limits);
    read_all(now);
}

void OomWatch::run_begins(TimePoint now) {
    const std::lock_guard lock(mutex_);
    read_all(now);
    // What hit its limit in an earlier run killed nobody in this one.
    for (auto& [worker, group] : groups_)
        if (const auto read = group.counter.read(); read && read->kills == group.seen.kills)
            group.seen = *read;
}

void OomWatch::limits_changed(TimePoint now) {
    auto counter = cgroup::OomCounter::of_container(source_, limits_());
    const std::lock_guard lock(mutex_);
    if (counter.directory() == container_.directory() && container_.read()) return;
    container_ = std::move(counter);
    ledger_.start_anew(now);
    read_all(now);
}

// The kernel says whom it killed, not by whose limit. v2 counts an `oom` where the limit was, and
// in the groups above. v1 counts only failed charges, most of which reclaim makes good, so the peak
// has to be at the limit, too; charges are made in batches, which leaves it a little below.
bool OomWatch::hit_own_limit(const Group& group, const cgroup::OomKills& now) const {
    constexpr double kNearLimit = 0.98;
    if (now.limit_hits > group.seen.limit_hits) return true;
    const int version = group.counter.counts_descendants() ? 2 : 1;
    const auto own = read_group_memory(source_, group.counter.directory(), version);
    return now.max_hits > group.seen.max_hits && own.limit_bytes && own.peak_bytes &&
           static_cast<double>(*own.peak_bytes) >=
               static_cast<double>(*own.limit_bytes) * (version == 2 ? 1.0 : kNearLimit);
}

std::uint64_t OomWatch::read_group(const std::string& worker, Group& group, TimePoint now) {
    const auto read = group.counter.read();
    group.readable = read.has_value();
    if (!read || read->kills <= group.seen.kills) return 0;
    group.hit_limit = hit_own_limit(group, *read);
    const std::uint64_t rise = read->kills - group.seen.kills;
    group.waiting += rise;
    group.whole_group = read->group_kills > group.seen.group_kills;
    group.noticed = now;
    group.seen = *read;
    kills_[worker] += rise;
    return rise;
}

// The workers' groups first: what they count is then in the container's count, too (v2), and can be
// taken out of it.
void OomWatch::read_all(TimePoint now) {
    std::uint64_t in_container = 0;
    for (auto& [worker, group] : groups_) {
        const std::uint64_t rise = read_group(worker, group, now);
        (group.counter.counts_descendants() ? in_container : kills_below_) += rise;
    }
    if (const auto read = container_.read()) ledger_.count(read->kills, now);
    ledger_.explain(in_container);
}

std::string OomWatch::cause_in(const Group* group) const {
    const core::MemoryLimit limit = limits_().memory;
    const auto limited = [&](const std::string& where, std::uint64_t bytes,
                             const cgroup::GroupMemory& memory) {
        std::string text = "out of memory (" + where + " " + cgroup::bytes_text(bytes);
        if (memory.peak_bytes) text += ", peak " + cgroup::bytes_text(*memory.peak_bytes);
        return text + ")";
    };
    if (group != nullptr) {
        const int version = group->counter.counts_descendants() ? 2 : 1;
        const auto own = read_group_memory(source_, group->counter.directory(), version);
        if (own.limit_bytes && group->hit_limit)
            return limited("worker's limit", *own.limit_bytes, own);
    }
    if (!limit.limit_bytes)
        return "out of memory (no limit of the container shows: the machine, or a group above it)";
    const int version = container_.counts_descendants() ? 2 : 1;
    const auto own = read_group_memory(source_, container_.directory(), version);
    const bool of_own_group = limit.source.starts_with(container_.directory() + "/");
    if (of_own_group) return limited("container limit", *limit.limit_bytes, own);
    return limited("limit of " + limit.source, *limit.limit_bytes, own);
}

std::optional<std::string> OomWatch::find(const std::string& worker, TimePoint now) {
    read_all(now);
    const auto found = groups_.find(worker);
    Group* const group = found != groups_.end() ? &found->second : nullptr;
    const bool fresh = group != nullptr && now - group->noticed <= OomLedger::kPatience;
    if (fresh && group->waiting > 0) {
        group->waiting = 0;
        std::string cause = cause_in(group);
        if (group->whole_group) cause += ", with all processes of its group (memory.oom.group)";
        return cause;
    }
    // Its own count is the better witness: the container's kills took others.
    if (group != nullptr && group->readable) return std::nullopt;
    if (!ledger_.claim(now)) return std::nullopt;
    ++kills_[worker];
    return cause_in(nullptr);
}

// On v1 a group's count says nothing of groups that the worker, or somebody, made below it.
bool OomWatch::sees_all_below(const cgroup::OomCounter& counter, std::size_t known_below) const {
    if (counter.counts_descendants()) return true;
    const cgroup::UniqueFd directory = source_.open(counter.directory());
    struct stat info{};
    constexpr std::size_t kLinksOfALeaf = 2;  // its name and its own "."
    return directory && fstat(directory.get(), &info) == 0 &&
           info.st_nlink <= kLinksOfALeaf + known_below;
}

bool OomWatch::surely_not(const std::string& worker, TimePoint run_begin) const {
    const auto found = groups_.find(worker);
    if (found != groups_.end() && found->second.readable)
        return sees_all_below(found->second.counter, 0);
    return ledger_.complete_since(run_begin) && sees_all_below(container_, groups_.size());
}

core::Task<OomVerdict> OomWatch::judge(std::string worker, TimePoint run_begin) {
    std::size_t looks = 0;
    for (;;) {
        {
            const std::lock_guard lock(mutex_);
            OomVerdict verdict;
            if (auto cause = find(worker, std::chrono::steady_clock::now())) {
                verdict.finding = OomVerdict::Finding::out_of_memory;
                verdict.cause = std::move(*cause);
                co_return verdict;
            }
            if (looks == std::size(kPauses)) {
                if (surely_not(worker, run_begin))
                    verdict.finding = OomVerdict::Finding::something_else;
                co_return verdict;
            }
        }
        const milliseconds pause = kPauses[looks++];
        co_await core::sleep_for(pause);
    }
}

std::optional<std::string> OomWatch::judge_child(const std::string& worker, TimePoint now) {
    const std::lock_guard lock(mutex_);
    // The container's count does not say whose child it was.
    if (!groups_.contains(worker) && workers_ - groups_.size() != 1) return std::nullopt;
    return find(worker, now);
}

std::optional<OomWatch::Story> OomWatch::story_of(const std::string& worker, Group& group) const {
    if (group.waiting == 0) return std::nullopt;
    const std::uint64_t kills = std::exchange(group.waiting, 0);
    return Story{worker, were_killed(kills, worker + ", not its main one,", cause_in(&group))};
}

std::vector<OomWatch::Story> OomWatch::unclaimed(TimePoint now, bool all) {
    std::vector<Story> stories;
    for (auto& [worker, group] : groups_) {
        if (!all && now - group.noticed <= OomLedger::kPatience) continue;
        if (auto story = story_of(worker, group)) stories.push_back(std::move(*story));
    }
    if (const auto kills = all ? ledger_.take_all() : ledger_.take_unclaimed(now); kills > 0)
        stories.push_back(
            {{}, were_killed(kills, "the container, no worker's main one,", cause_in(nullptr))});
    return stories;
}

void OomWatch::look(TimePoint now) {
    std::vector<Story> stories;
    {
        const std::lock_guard lock(mutex_);
        read_all(now);
        stories = unclaimed(now, false);
    }
    for (const Story& story : stories) tell_(story.worker, story.text);
}

std::string OomWatch::finish(TimePoint now) {
    std::vector<Story> stories;
    {
        const std::lock_guard lock(mutex_);
        read_all(now);
        stories = unclaimed(now, true);
    }
    std::string all;
    for (const Story& story : stories) {
        tell_(story.worker, story.text);
        all += (all.empty() ? "" : "; ") + story.text;
    }
    return all;
}

void OomWatch::add_group(const std::string& worker, const std::string& directory, int version) {
    Group group;
    group.counter = cgroup::OomCounter(source_, directory, version);
    const auto read = group.counter.read();
    group.readable = read.has_value();
    group.seen = read.value_or(cgroup::OomKills{});
    const std::lock_guard lock(mutex_);
    groups_.insert_or_assign(worker, std::move(group));
}

void OomWatch::remove_group(const std::string& worker) {
    std::vector<Story> stories;
    {
        const auto now = std::chrono::steady_clock::now();
        const std::lock_guard lock(mutex_);
        const auto found = groups_.find(worker);
        if (found == groups_.end()) return;
        read_all(now);
        if (auto story = story_of(worker, found->second)) stories.push_back(std::move(*story));
        groups_.erase(found);
    }
    for (const Story& story : stories) tell_(story.worker, story.text);
}

std::uint64_t OomWatch::kills_of(const std::string& worker) const {
    const std::lock_guard lock(mutex_);
    const auto found = kills_.find(worker);
    return found != kills_.end() ? found->second : 0;
}

std::uint64_t OomWatch::kills_below() const {
    const std::lock_guard lock(mutex_);
    return kills_below_;
}

}  // namespace pilotfish::daemon
