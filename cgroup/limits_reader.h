// Reads what the container allows: once, or again and again over kept descriptors.
//
// One thread at a time. Owns its descriptors; the FileSource outlives it. Blocks only as procfs and
// cgroupfs do (about 100 us for all of it, a few for a refresh). Never fails: what cannot be read
// or trusted is LimitState::unknown with a sentence in Limits::warnings.
#pragma once

#include <string>
#include <vector>

#include "cgroup/cpu_limit.h"
#include "cgroup/file_source.h"
#include "cgroup/memory_limit.h"
#include "core/limits.h"

namespace pilotfish::cgroup {

// Everything from the beginning: the one call most programs need.
core::Limits read_limits(const FileSource& source);

class LimitsReader {
  public:
    LimitsReader(const FileSource& source, Keep keep);

    // As of the last refresh.
    const core::Limits& limits() const { return limits_; }

    enum class Depth {
        tick,  // kept descriptors and affinity: what costs little
        full,  // also absent files, memory.stat, the machine's memory and online processors
    };
    // True when limits() changed.
    bool refresh(Depth depth);

    // Either way only a new LimitsReader can tell the limits.
    bool group_removed() const;  // seen by the last refresh
    bool was_moved();            // compares the membership now; Keep::open only

    // Descriptors worth a watch; borrowed, valid as long as this object. Empty with Keep::closed.
    std::vector<int> open_files() const;

  private:
    LimitsReader(const FileSource& source, Keep keep, Tables tables);
    bool refresh_files(std::vector<LimitFile>& files, Depth depth);
    bool refresh_machine(Depth depth);
    void evaluate();
    const FileSource* source_;
    Keep keep_;
    CpuFiles cpu_;
    MemoryFiles memory_;
    UniqueFd membership_fd_;
    std::string membership_text_;
    std::string scratch_;
    std::string machine_warning_;
    core::Limits limits_;
};

}  // namespace pilotfish::cgroup
