// The socket that a worker's processes speak to by sd_notify(3): NOTIFY_SOCKET.
//
// An abstract address with 128 random bits, so nothing is left behind and a read-only root is no
// hindrance. Abstract names are open to the whole network namespace; who sends is told by the
// kernel (SO_PASSCRED), and whoever is not of the worker's own is refused.
//
// Thread-safety: take() and wait(): one task; the rest, any thread. Ownership: owns the socket.
// Suspends: wait(). Fails: open() and adopt(), with a sentence.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "core/async_fd.h"
#include "core/owned_fd.h"
#include "core/result.h"
#include "core/task.h"
#include "daemon/notify_message.h"

namespace pilotfish::daemon {

struct ReceivedNotify {
    pid_t sender = 0;  // 0: the kernel does not show it to us
    bool too_long = false;
    NotifyMessage message;
    // Closed by whoever lets go of this, which is what BARRIER=1 waits for.
    core::OwnedFd barrier;
};

class NotifySocket {
  public:
    static core::Result<NotifySocket> open();
    // As NOTIFY_SOCKET has it: "@...".
    const std::string& address() const { return address_; }
    // That of the image of this process before; closes fd when it fails.
    static core::Result<NotifySocket> adopt(int fd, std::string address);
    int fd() const { return fd_.get(); }
    // nullopt: nothing is there now.
    std::optional<ReceivedNotify> take();
    // False: it was closed.
    core::Task<bool> wait();

  private:
    NotifySocket(core::AsyncFd fd, std::string address)
        : fd_(std::move(fd)), address_(std::move(address)) {}

    core::AsyncFd fd_;
    std::string address_;
};

// Is that process the worker's: itself, below it, or of its process group (daemons whose parent has
// ended come to us, and only the group still tells). A process that is gone is nobody's.
bool belongs_to_worker(pid_t process, pid_t worker);

}  // namespace pilotfish::daemon
