// The pidfd system calls. glibc 2.36's <sys/pidfd.h> lacks extern "C", so C++ cannot link it.
//
// Any thread. Never blocks. Fails: -1 and errno, as in pidfd_open(2) and pidfd_send_signal(2).
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

namespace pilotfish::core {

// The descriptor is close-on-exec.
inline int open_pidfd(pid_t pid) noexcept {
    return static_cast<int>(syscall(SYS_pidfd_open, pid, 0U));
}

// info: nullptr, or what sigqueue(3) would send.
inline int send_signal(int pidfd, int signal, siginfo_t* info = nullptr) noexcept {
    return static_cast<int>(syscall(SYS_pidfd_send_signal, pidfd, signal, info, 0U));
}

}  // namespace pilotfish::core
