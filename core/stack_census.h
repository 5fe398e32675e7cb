// How many tasks stand where: equal stacks counted together.
//
//     const StackCensus before = StackCensus::take(StackCensus::Of::others);
//     ...
//     for (const StackGrowth& g : StackCensus::take(StackCensus::Of::others).growth_since(before))
//     ...
//
// Two tasks are alike when they wait at the same places, in the same order, with the same labels.
//
// Thread-safety: take: any thread; a StackCensus: as a value. Ownership: a copy; the places are
// static data. Blocks: as a dump does (core/stack_dump.h), no task is stopped. Fails:
// std::bad_alloc.
#pragma once

#include <cstdint>
#include <map>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

namespace pilotfish::core {

struct StackGroup {
    std::uint64_t count = 0;
    std::vector<std::source_location> frames;  // innermost first
    std::string labels;                        // {"key":"value"}, or empty
};

struct StackGrowth {
    std::uint64_t before = 0;
    StackGroup now;
};

class StackCensus {
  public:
    // Of others: without the asking task, which stands somewhere else each time.
    enum class Of : std::uint8_t { all, others };
    static StackCensus take(Of of = Of::all);

    std::uint64_t total() const noexcept { return total_; }
    // The commonest first.
    std::vector<StackGroup> groups() const;
    // Groups that have grown, those that grew most first.
    std::vector<StackGrowth> growth_since(const StackCensus& before) const;

  private:
    // The addresses of the places: one static object each, as good as a program counter.
    using Key = std::pair<std::vector<std::uintptr_t>, std::string>;
    std::map<Key, StackGroup> groups_;
    std::uint64_t total_ = 0;
};

// The frames of a group, one "#\tADDRESS\tFUNCTION\tFILE:LINE" a line.
void append_frames(std::string& out, const StackGroup& group);

// All tasks as Go's /debug/pprof/goroutine?debug=1 shows them.
std::string grouped_stacks();

}  // namespace pilotfish::core
