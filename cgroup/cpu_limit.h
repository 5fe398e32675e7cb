// The CPU quota of a group and its ancestors: cpu.max on v2, cpu.cfs_quota_us and
// cpu.cfs_period_us on v1. Shares and weights are no limit and are never read (JDK-8281181).
//
// One thread at a time for CpuFiles; the parsers are pure. Owns its files. Blocks only as cgroupfs
// does. Fails: an untrusted text gives an Error whose sentence becomes a warning.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cgroup/finder.h"
#include "cgroup/limit_file.h"
#include "core/limits.h"
#include "core/result.h"

namespace pilotfish::cgroup {

// A quota as a number of processors; nullopt: no quota.
using CpuQuota = core::Result<std::optional<double>>;

// "max 100000", "150000 100000", and the odd forms: no final newline, one field (period 100000, the
// kernel's default). A zero period, a zero quota, an overflow or a stray word cannot be trusted.
CpuQuota parse_cpu_max(std::string_view text);

// v1: a quota of 0 or below means none; then the period is not looked at.
CpuQuota parse_cfs_quota(std::string_view quota_us, std::string_view period_us);

class CpuFiles {
  public:
    explicit CpuFiles(Place place);
    const Place& place() const { return place_; }
    std::vector<LimitFile>& files() { return files_; }
    const std::vector<LimitFile>& files() const { return files_; }
    // Fills all but affinity and online from the files as last read; appends warnings.
    void evaluate(const FileSource& source, core::CpuLimit& limit,
                  std::vector<std::string>& warnings) const;

  private:
    CpuQuota quota_of_level(std::size_t level) const;
    Place place_;
    std::vector<LimitFile> files_;  // v2: one a level; v1: quota and period of each level
};

// Are there groups above the highest visible one? top_file_there: the root group of v2 has neither
// cpu.max nor memory.max, so a group that has one is not the root.
bool hides_ancestors(const FileSource& source, const Place& place, bool top_file_there);

// Appends what is not there yet: cpu and memory often fail for one reason.
void warn(std::vector<std::string>& warnings, std::string_view words);

}  // namespace pilotfish::cgroup
