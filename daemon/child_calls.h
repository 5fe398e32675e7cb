// What a child that runs in our memory, between a clone(CLONE_VM | CLONE_VFORK) and its execve, may
// do: system calls by their numbers, for libc's wrappers are where sanitizers put their own code.
//
// For the code that makes such children (daemon/spawn.cpp, daemon/drop_in_child.cpp). Owns nothing.
// Never blocks. Fails: as the system calls do.
#pragma once

#include <csignal>
#include <cstddef>

// ThreadSanitizer puts its own code around clone() and runs it in the child, in our memory. The
// same function under its other name is left alone.
extern "C" int __clone(int (*start)(void*), void* stack, int flags, void* argument, ...);

namespace pilotfish::daemon {

// Of every function that runs in the child: sanitizers would put their own code there.
#define PF_IN_CHILD __attribute__((no_sanitize("address", "thread", "undefined"), noinline))

// Linux's own layout of rt_sigaction's argument, for SIG_DFL and SIG_IGN only.
struct KernelSigaction {
    void (*handler)(int) = SIG_DFL;
    unsigned long flags = 0;
    void (*restorer)() = nullptr;
    unsigned long mask = 0;
};
inline constexpr std::size_t kKernelSigsetBytes = 8;

}  // namespace pilotfish::daemon
