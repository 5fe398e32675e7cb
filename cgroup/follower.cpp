// How a change is noticed, and when it counts.
//
// inotify IN_MODIFY fires for every limit file, v1 and v2, also for a write from outside the
// container (0.5-0.8 ms); but it says nothing when the group is removed, when the process is moved,
// or where a sandbox emulates the files. So a tick reads the kept descriptors too, at under a
// microsecond each, compares /proc/self/cgroup, and asks for the affinity.
//
// Growth counts at once: running too narrow costs only speed for a moment. A CPU shrink waits for a
// second equal read: kubelet writes period and quota one after the other, and threads are dear to
// park and wake. A memory shrink counts at once: it may be the last thing we see before the OOM
// killer. Losing sight of a limit (limited -> unknown) waits like a shrink: one failed read must
// not look like freedom.
//
// Rejected: POLLPRI on the files (never fires for limit files); a watch on the directory (the same
// events for ten times the files); re-resolving on every tick (105 us against 5).
#include "cgroup/follower.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>

#include "cgroup/derive.h"

namespace pilotfish::cgroup {
namespace {

double usable_cpus(const core::CpuLimit& cpu) {
    const double affinity = cpu.affinity;
    return cpu.cpus ? std::min(*cpu.cpus, affinity) : affinity;
}

bool must_confirm(const core::CpuLimit& before, const core::CpuLimit& after) {
    const bool lost =
        before.state != core::LimitState::unknown && after.state == core::LimitState::unknown;
    return lost || usable_cpus(after) < usable_cpus(before);
}

bool must_confirm(const core::MemoryLimit& before, const core::MemoryLimit& after) {
    return before.state != core::LimitState::unknown && after.state == core::LimitState::unknown;
}

std::string cpu_words(const core::CpuLimit& cpu) {
    if (cpu.state == core::LimitState::unknown) return "unknown";
    return cpu.cpus ? cpus_text(*cpu.cpus) : "none";
}

std::string memory_words(const core::MemoryLimit& memory,
                         const std::optional<std::uint64_t>& bytes) {
    if (bytes) return bytes_text(*bytes);
    return memory.state == core::LimitState::unknown ? "unknown" : "none";
}

}  // namespace

std::string change_text(const core::Limits& before, const core::Limits& after) {
    std::string text;
    const auto add = [&](const std::string& what, const std::string& old_words,
                         const std::string& new_words, const std::string& where) {
        if (old_words == new_words) return;
        if (!text.empty()) text += "; ";
        text += what + " " + old_words + " -> " + new_words;
        if (!where.empty()) text += " (" + where + ")";
    };
    add("CPU limit", cpu_words(before.cpu), cpu_words(after.cpu), after.cpu.source);
    add("processors allowed", std::to_string(before.cpu.affinity),
        std::to_string(after.cpu.affinity), "affinity");
    add("memory limit", memory_words(before.memory, before.memory.limit_bytes),
        memory_words(after.memory, after.memory.limit_bytes), after.memory.source);
    add("memory.high", memory_words(before.memory, before.memory.high_bytes),
        memory_words(after.memory, after.memory.high_bytes), "");
    return printable(text);
}

Follower::Follower(FileSource source, FollowPolicy policy)
    : source_(std::move(source)),
      policy_(policy),
      inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      reader_(std::make_unique<LimitsReader>(source_, Keep::open)),
      applied_(reader_->limits()) {
    watch();
}

void Follower::watch() {
    if (!inotify_) return;
    for (const int descriptor : watches_) ::inotify_rm_watch(inotify_.get(), descriptor);
    watches_.clear();
    for (const int file : reader_->open_files()) {
        // By the descriptor that is read, so the watch and the read can never be of two files.
        const std::string path = "/proc/self/fd/" + std::to_string(file);
        const int descriptor = ::inotify_add_watch(inotify_.get(), path.c_str(), IN_MODIFY);
        if (descriptor >= 0) watches_.push_back(descriptor);
    }
}

void Follower::resolve_again() {
    reader_ = std::make_unique<LimitsReader>(source_, Keep::open);
    watch();
}

void Follower::read_again(LimitsReader::Depth depth, bool membership) {
    const std::size_t open_before =
        depth == LimitsReader::Depth::full ? reader_->open_files().size() : 0;
    reader_->refresh(depth);
    if (reader_->group_removed() || (membership && reader_->was_moved())) return resolve_again();
    if (depth == LimitsReader::Depth::tick) return;
    const core::Limits& seen = reader_->limits();
    const bool blind = seen.cpu.state == core::LimitState::unknown ||
                       seen.memory.state == core::LimitState::unknown;
    if (blind) return resolve_again();
    if (reader_->open_files().size() != open_before) watch();  // a controller was enabled
}

bool Follower::on_watch(TimePoint now) {
    alignas(inotify_event) char buffer[4096];
    // Bounded: a writer that never stops must not keep us here.
    for (int reads = 0; reads < 16; ++reads)
        if (::read(inotify_.get(), buffer, sizeof buffer) <= 0) break;
    read_again(LimitsReader::Depth::tick, false);
    return apply(now);
}

bool Follower::on_tick(TimePoint now) {
    ++ticks_;
    const auto each = [&](int count) { return ticks_ % static_cast<std::uint64_t>(count) == 0; };
    read_again(
        each(policy_.full_every_ticks) ? LimitsReader::Depth::full : LimitsReader::Depth::tick,
        each(policy_.membership_every_ticks));
    const bool changed = apply(now);
    tell(now);
    return changed;
}

bool Follower::on_check(TimePoint now) {
    bool changed = false;
    if (held_cpu_ || held_memory_) {
        read_again(LimitsReader::Depth::full, true);
        changed = apply(now);
    }
    tell(now);
    return changed;
}

// True while a change for the worse waits for its second equal read.
template <class Limit>
bool Follower::holds(std::optional<Held<Limit>>& held, const Limit& seen, TimePoint now) const {
    if (!held || held->value != seen) {
        held = Held<Limit>{seen, now};
        return true;
    }
    if (now - held->since < policy_.confirm) return true;
    held.reset();
    return false;
}

bool Follower::apply(TimePoint now) {
    const core::Limits& seen = reader_->limits();
    if (seen == applied_) {
        held_cpu_.reset();
        held_memory_.reset();
        return false;
    }
    core::Limits next = seen;
    if (!must_confirm(applied_.cpu, seen.cpu)) {
        held_cpu_.reset();
    } else if (holds(held_cpu_, seen.cpu, now)) {
        next.cpu = applied_.cpu;
    }
    if (!must_confirm(applied_.memory, seen.memory)) {
        held_memory_.reset();
    } else if (holds(held_memory_, seen.memory, now)) {
        next.memory = applied_.memory;
    }
    // Warnings belong to what was seen; they follow when that is applied.
    if (held_cpu_ || held_memory_) next.warnings = applied_.warnings;
    if (next == applied_) return false;
    if (!before_) {
        before_ = applied_;
        first_change_ = now;
    }
    last_change_ = now;
    applied_ = std::move(next);
    ++generation_;
    return true;
}

void Follower::tell(TimePoint now) {
    if (!before_) return;
    const bool quiet = now - last_change_ >= policy_.quiet && !held_cpu_ && !held_memory_;
    if (!quiet && now - first_change_ < policy_.longest_unrest) return;
    std::string text = change_text(*before_, applied_);
    if (!text.empty()) {  // there and back again is no story
        LimitsEvent event;
        const bool cpu_changed =
            before_->cpu.cpus != applied_.cpu.cpus || before_->cpu.state != applied_.cpu.state;
        const bool affinity_changed = before_->cpu.affinity != applied_.cpu.affinity;
        event.source = cpu_changed        ? applied_.cpu.source
                       : affinity_changed ? "affinity"
                                          : applied_.memory.source;
        event.before = std::move(*before_);
        event.after = applied_;
        event.text = std::move(text);
        event_ = std::move(event);
    }
    before_.reset();
}

std::optional<Follower::TimePoint> Follower::next_check() const {
    std::optional<TimePoint> next;
    const auto offer = [&](TimePoint when) {
        if (!next || when < *next) next = when;
    };
    if (held_cpu_) offer(held_cpu_->since + policy_.confirm);
    if (held_memory_) offer(held_memory_->since + policy_.confirm);
    // A story is not at its end while something waits: without this a due end would be due for
    // ever.
    if (before_ && !next)
        offer(std::min(last_change_ + policy_.quiet, first_change_ + policy_.longest_unrest));
    return next;
}

std::optional<LimitsEvent> Follower::take_event() { return std::exchange(event_, std::nullopt); }

}  // namespace pilotfish::cgroup
