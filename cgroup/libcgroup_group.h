// libcgroup (2.0), and the only place that knows it: the back end that makes groups on cgroup v1.
//
// What it is not asked: v2 (its create writes the parent's subtree_control and its delete does not
// take that back; it knows nothing of leaves, cgroup.kill or clone3), reading (daemon start would
// pay for it), moving tasks in (they are born inside) and deleting (its delete moves whoever is
// left into the parent, out of every limit, where rmdir refuses). Its answers are never the last
// word: it reports success for half a value and leaves a directory behind for a refused one, so
// the caller looks at the directory and reads every value back (cgroup/child_group.cpp).
//
// Any thread: one lock of ours around every use, since its structs have none. Owns nothing. Blocks:
// 2 ms at the first use in the process, which reads all mounts, and so only once a group is really
// wanted. Fails: a sentence; the caller then makes the directory by itself. It never prints: its
// log is ours, at debug.
#pragma once

#include <string>
#include <vector>

#include "cgroup/group_values.h"
#include "core/result.h"

namespace pilotfish::cgroup {

// Static builds go without: it holds look-ups of users and groups, which a static libc cannot do.
bool has_libcgroup() noexcept;

// Makes the group MOUNT_POINT/NAME with these values. name: below the mount point, without a slash
// before it. Fails where libcgroup cannot start (no /proc/cgroups), or knows the controller by
// another mount.
core::Result<void> create_with_libcgroup(const std::string& controller,
                                         const std::string& mount_point, const std::string& name,
                                         const std::vector<GroupValue>& values);

}  // namespace pilotfish::cgroup
