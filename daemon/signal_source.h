// The signals sent to this process, read one by one from a signalfd, and the forwarding of them.
//
// Thread-safety: plain functions over descriptors, any thread. Blocks: never.
// Requires: every signal is blocked in every thread (SignalsAtStart::take()).
#pragma once

#include <csignal>
#include <optional>

#include "core/result.h"

namespace pilotfish::daemon {

struct ReceivedSignal {
    int number;
    bool queued;  // sent by sigqueue(3), so that value was meant for somebody
    sigval value;
    pid_t sender;  // 0: the kernel, or a process we cannot see
};

// A signalfd for every signal, non-blocking and close-on-exec; the caller's.
core::Result<int> open_signal_fd();
// nullopt: none waits.
std::optional<ReceivedSignal> read_signal(int signal_fd) noexcept;

// Sends it on, its value too where it had one. False with errno when the target is gone or foreign.
bool forward_signal(int pidfd, const ReceivedSignal& signal) noexcept;

}  // namespace pilotfish::daemon
