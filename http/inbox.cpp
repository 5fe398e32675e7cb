#include "http/inbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

namespace pilotfish::http {

Inbox::Inbox() : event_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Inbox::~Inbox() {
    if (event_fd_ >= 0) close(event_fd_);
}

void Inbox::post(Message message) {
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        first = messages_.empty();
        messages_.push_back(std::move(message));
    }
    // Whoever found it empty wakes the owner; the others' messages are taken along.
    if (first) nudge();
}

void Inbox::nudge() {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the owner is awake.
    [[maybe_unused]] const ssize_t written = write(event_fd_, &one, sizeof one);
}

std::vector<Message> Inbox::take() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = read(event_fd_, &count, sizeof count);
    const std::lock_guard lock(mutex_);
    return std::exchange(messages_, {});
}

}  // namespace pilotfish::http
