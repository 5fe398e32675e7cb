// Writing into a cgroup directory, and looking at who is in it: what child groups are made of.
//
// Any thread. Owns nothing but what it returns. Blocks as cgroupfs does, microseconds; a value that
// makes the kernel reclaim memory takes as long as that. Fails: by a sentence that names the file,
// or by errno where the caller decides.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace pilotfish::cgroup {

// "cannot write 50000 to /sys/fs/cgroup/cpu/web/cpu.cfs_quota_us: invalid argument"
core::Result<void> write_group_file(const std::string& path, std::string_view text);

// nullopt: absent or not readable.
std::optional<std::string> read_group_file(const std::string& path);

// "cpu memory" as two.
std::vector<std::string> words_of(std::string_view list);

// This directory and all below it, the deepest first. Empty: it is not there.
std::vector<std::string> groups_below(const std::string& directory);

// The processes of these directories, zombies left out. 0 stands for one that our PID namespace
// does not show. A process that moves while they are read may be missed or found twice.
std::vector<pid_t> processes_in(const std::vector<std::string>& directories);

// Removes the directory and all below it; 0, or the errno of the one that stayed (EBUSY: somebody
// is in it). What is not there is removed.
int remove_groups(const std::string& directory);

}  // namespace pilotfish::cgroup
