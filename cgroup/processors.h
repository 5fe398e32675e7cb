// Which processors this process may run on, and how many the machine has online.
//
// Any thread. Owns nothing. affinity_of never blocks. Fails: nullopt.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

namespace pilotfish::cgroup {

// sched_getaffinity with a mask that grows until the kernel's fits (EINVAL while it is too small).
// std::thread::hardware_concurrency() is no answer: on Debian 12 it ignores the affinity. pid 0:
// the calling thread.
std::optional<int> affinity_of(pid_t pid);

// How many processors a list like "0-3,8,10-11" names; nullopt when it is none.
std::optional<int> parse_cpu_list(std::string_view text);

inline constexpr char kOnlineFile[] = "/sys/devices/system/cpu/online";

}  // namespace pilotfish::cgroup
