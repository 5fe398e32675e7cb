// clone3(CLONE_INTO_CGROUP): a vfork-like child that is born in a cgroup of v2.
//
// As spawn's own clone: the child shares our memory, this thread sleeps until it has called execve
// or exited, and SIGCHLD tells its end. Any thread. Owns nothing; the pidfd is the caller's. Blocks
// until the child's exec. Fails: -1 and errno; ENOSYS, EPERM, EINVAL or E2BIG where kernel or
// seccomp profile do not know the call, and there the child must enter by itself.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace pilotfish::daemon {

// start: never returns. stack: aligned to 16 bytes. group: a descriptor of the group's directory.
pid_t clone_into_group(int (*start)(void*), void* argument, void* stack, std::size_t stack_bytes,
                       int group, int& pidfd) noexcept;

}  // namespace pilotfish::daemon
