// How many processes of a group the kernel has killed for want of memory: the one proof that a
// SIGKILL was the OOM killer's. The kernel counts before it sends the signal, so whoever has heard
// of the end of its victim finds it counted; what a sandbox emulates may come later.
//
// v2 counts what happened in a group and in all below it; v1 what happened in the group alone.
// `under_oom` is not looked at (it says that tasks wait, not that one died), nor `oom` (see
// cgroup/usage.h).
//
// One thread at a time. Owns its descriptors, kept from the first read on. Blocks only as cgroupfs
// does (under a microsecond). Fails: nullopt where nothing can be told: no such file, no right to
// read it, or the group is gone and its count with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cgroup/file_source.h"
#include "core/limits.h"

namespace pilotfish::cgroup {

struct OomKills {
    std::uint64_t kills = 0;        // processes, one by one or with their whole group
    std::uint64_t limit_hits = 0;   // times that its own limit left no way out (v2 `oom`), or ...
    std::uint64_t max_hits = 0;     // ... had to be reclaimed for (v2 `max`, v1 memory.failcnt)
    std::uint64_t group_kills = 0;  // times that memory.oom.group took the whole group (Linux 5.17)
};

class OomCounter {
  public:
    OomCounter() = default;  // of no group: never tells
    // A group of the memory controller of that version. The source must outlive this.
    OomCounter(const FileSource& source, std::string directory, int version);
    // Of the group that this process is in. Looks for it only where the limits do not name it.
    static OomCounter of_container(const FileSource& source, const core::Limits& limits);

    std::optional<OomKills> read();

    const std::string& directory() const { return directory_; }  // empty: of no group
    bool counts_descendants() const { return version_ == 2; }

  private:
    const FileSource* source_ = nullptr;
    std::string directory_;
    int version_ = 0;
    UniqueFd fd_;
    UniqueFd failcnt_fd_;  // of v1
    std::string scratch_;
};

// What one group may use and has used, for a story about it.
struct GroupMemory {
    std::optional<std::uint64_t> limit_bytes;  // its own; nullopt: none
    std::optional<std::uint64_t> peak_bytes;   // since it was made
};
// What it uses, less all page cache, which the kernel would give up first; nullopt: it does not
// tell.
std::optional<std::uint64_t> group_firm_bytes(const FileSource& source,
                                              const std::string& directory, int version);
GroupMemory read_group_memory(const FileSource& source, const std::string& directory, int version);

}  // namespace pilotfish::cgroup
