// The memory limit of a group and its ancestors: memory.max and memory.high on v2,
// memory.limit_in_bytes and hierarchical_memory_limit (memory.stat) on v1. Swap is no limit.
//
// One thread at a time for MemoryFiles; the parsers are pure. Owns its files. Blocks only as
// cgroupfs does. Fails: an untrusted text gives an Error whose sentence becomes a warning.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cgroup/finder.h"
#include "cgroup/limit_file.h"
#include "core/limits.h"
#include "core/result.h"

namespace pilotfish::cgroup {

// A limit in bytes; nullopt: none.
using ByteLimit = core::Result<std::optional<std::uint64_t>>;

// memory.max, memory.high: "max" or bytes. 0 is a limit.
ByteLimit parse_memory_max(std::string_view text);

// memory.limit_in_bytes: bytes; 2^63-1 rounded down to a page means none.
ByteLimit parse_limit_in_bytes(std::string_view text);

// From this on a v1 value means "none", whatever the page size is (up to 64 KiB).
inline constexpr std::uint64_t kV1UnlimitedBytes = (std::uint64_t{1} << 63) - (64u << 10);

// Is it a limit at all? Not the v1 word for none, nor as much as the machine has.
bool limits_anything(std::optional<std::uint64_t> bytes, std::optional<std::uint64_t> total_bytes);

class MemoryFiles {
  public:
    explicit MemoryFiles(Place place);
    const Place& place() const { return place_; }
    std::vector<LimitFile>& files() { return files_; }
    const std::vector<LimitFile>& files() const { return files_; }
    // Fills all but rlimit_as_bytes from the files as last read. Requires: limit.total_bytes is set
    // where known: a limit of that much or more is none.
    void evaluate(const FileSource& source, core::MemoryLimit& limit,
                  std::vector<std::string>& warnings) const;

  private:
    ByteLimit read_level(const LimitFile& file) const;
    void evaluate_levels(core::MemoryLimit& limit, bool& all_trusted,
                         std::vector<std::string>& warnings) const;
    void evaluate_hierarchical(core::MemoryLimit& limit, bool& all_trusted,
                               std::vector<std::string>& warnings) const;
    Place place_;
    // v2: max and high of each level. v1: limit of each level, then memory.stat of the own group.
    std::vector<LimitFile> files_;
};

}  // namespace pilotfish::cgroup
