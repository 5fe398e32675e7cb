// The signals sent to this process, read one by one from a signalfd, and the forwarding of them.
//
// Thread-safety: one task at a time. Ownership: owns its descriptor. Blocks: never.
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

class SignalSource {
  public:
    static core::Result<SignalSource> open();
    ~SignalSource();
    SignalSource(SignalSource&& other) noexcept;
    SignalSource& operator=(SignalSource&&) = delete;

    int fd() const noexcept { return fd_; }  // readable when a signal waits
    std::optional<ReceivedSignal> next();    // nullopt: none waits

  private:
    explicit SignalSource(int fd) : fd_(fd) {}
    int fd_;
};

// Sends it on, its value too where it had one. False with errno when the target is gone or foreign.
bool forward_signal(int pidfd, const ReceivedSignal& signal) noexcept;

}  // namespace pilotfish::daemon
