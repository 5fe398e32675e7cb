#include "core/poller.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <string>

namespace pilotfish::core {
namespace {

constexpr int kEventsPerWait = 64;  // 768 bytes of stack; more come with the next call
constexpr std::uint64_t kKick = 0;  // no entry has a null address

// A user address fits in 48 bits; the generation rides above it.
std::uint64_t tag_of(const PollEntry* entry) {
    return reinterpret_cast<std::uint64_t>(entry) | static_cast<std::uint64_t>(entry->generation)
                                                        << 48;
}

int wait_for_events(int epoll_fd, epoll_event* events, std::int64_t timeout_ns) {
    // epoll_pwait2 (Linux 5.11) takes nanoseconds; seccomp profiles older than it answer EPERM.
    static std::atomic<bool> has_pwait2{true};
    if (timeout_ns > 0 && has_pwait2.load(std::memory_order_relaxed)) {
#ifdef SYS_epoll_pwait2
        timespec timeout{timeout_ns / 1'000'000'000, timeout_ns % 1'000'000'000};
        const long count = syscall(SYS_epoll_pwait2, epoll_fd, events, kEventsPerWait, &timeout,
                                   nullptr, std::size_t{0});
        if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(count);
#endif
        has_pwait2.store(false, std::memory_order_relaxed);
    }
    std::int64_t milliseconds = -1;
    if (timeout_ns >= 0) milliseconds = (timeout_ns + 999'999) / 1'000'000;
    if (milliseconds > INT_MAX) milliseconds = INT_MAX;
    return epoll_wait(epoll_fd, events, kEventsPerWait, static_cast<int>(milliseconds));
}

Error cannot_watch(int fd, int reason) {
    const std::string what = "watch descriptor " + std::to_string(fd);
    if (reason == EMFILE)
        return {"cannot " + what + ": out of file descriptors; raise RLIMIT_NOFILE", reason};
    return system_error(what, reason);
}

// Under the entry's lock. False: nobody waits, or the deadline was faster.
bool wake_waiter(Waiter*& slot, Wake how, TaskList& out) noexcept {
    Waiter* waiter = slot;
    if (!waiter) return false;
    slot = nullptr;
    TaskRecord* task = waiter->task;
    if (!waiter->claim(how)) return false;
    task->woken.store(true, std::memory_order_relaxed);
    out.push(task);
    return true;
}

}  // namespace

int Poller::try_open() noexcept {
    if (epoll_fd_.load(std::memory_order_acquire) >= 0) return 0;
    std::lock_guard guard(opening_);
    if (epoll_fd_.load(std::memory_order_relaxed) >= 0) return 0;
    const int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event_fd < 0) return errno;
    const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.u64 = kKick;
    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event_fd, &event) != 0) {
        const int reason = errno;
        if (epoll_fd >= 0) close(epoll_fd);
        close(event_fd);
        return reason;
    }
    event_fd_ = event_fd;
    epoll_fd_.store(epoll_fd, std::memory_order_release);
    return 0;
}

void Poller::open() noexcept {
    const int reason = try_open();
    PF_CHECK(reason == 0, system_error("make the epoll instance to sleep in", reason).message);
}

Poller::~Poller() {
    if (event_fd_ >= 0) close(event_fd_);
    if (epoll_fd_ >= 0) close(epoll_fd_);
    while (made_) {
        PollEntry* entry = made_;
        made_ = entry->next_made;
        delete entry;
    }
}

Result<PollEntry*> Poller::adopt(int fd) {
    if (const int reason = try_open()) return cannot_watch(fd, reason);
    PollEntry* entry = nullptr;
    {
        std::lock_guard guard(entries_lock_);
        entry = free_;
        if (entry) free_ = entry->next_free;
    }
    if (!entry) {
        entry = new PollEntry;
        std::lock_guard guard(entries_lock_);
        entry->next_made = made_;
        made_ = entry;
    }
    epoll_event event{};
    {
        std::lock_guard guard(entry->lock);
        ++entry->generation;
        entry->closed = false;
        entry->readable = entry->writable = false;
        entry->more_than_data.store(false, std::memory_order_relaxed);
        entry->fd = fd;
        event.events = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET;
        event.data.u64 = tag_of(entry);
    }
    descriptors_.fetch_add(1, std::memory_order_relaxed);
    if (epoll_ctl(epoll_fd_.load(std::memory_order_acquire), EPOLL_CTL_ADD, fd, &event) != 0) {
        const int reason = errno;
        retire(entry);
        return cannot_watch(fd, reason);
    }
    return entry;
}

void Poller::retire(PollEntry* entry) noexcept {
    TaskList woken;
    bool notify = false;
    {
        std::lock_guard guard(entry->lock);
        if (entry->closed) return;
        entry->closed = true;
        // The caller may close the descriptor while a copy of it lives on elsewhere.
        epoll_ctl(epoll_fd_.load(std::memory_order_acquire), EPOLL_CTL_DEL, entry->fd, nullptr);
        entry->fd = -1;
        wake_waiter(entry->reader, Wake::closed, woken);
        wake_waiter(entry->writer, Wake::closed, woken);
        while (TaskRecord* task = woken.pop()) notify |= make_runnable(task);
    }
    if (notify) notify_scheduler();
    descriptors_.fetch_sub(1, std::memory_order_relaxed);
    std::lock_guard guard(entries_lock_);
    entry->next_free = free_;
    free_ = entry;
}

void Poller::deliver(PollEntry& entry, std::uint16_t generation, std::uint32_t events,
                     TaskList& out) noexcept {
    std::lock_guard guard(entry.lock);
    if (entry.closed || entry.generation != generation) return;
    // A hang-up or error is an edge of both directions and no more: a socket that is not connected
    // yet, a FIFO between two writers and a UDP error all pass.
    if (events & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        entry.more_than_data.store(true, std::memory_order_relaxed);
    if (events & (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        entry.readable = !wake_waiter(entry.reader, Wake::ready, out);
    }
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
        entry.writable = !wake_waiter(entry.writer, Wake::ready, out);
    }
}

void Poller::wait(std::int64_t timeout_ns, TaskList& out) noexcept {
    open();
    epoll_event events[kEventsPerWait];
    const int count =
        wait_for_events(epoll_fd_.load(std::memory_order_acquire), events, timeout_ns);
    constexpr std::uint64_t kAddress = (std::uint64_t{1} << 48) - 1;
    // What has been parked for long is in no cache: all entries are on their way before the first
    // is looked at.
    for (int i = 0; i < count; ++i)
        __builtin_prefetch(reinterpret_cast<const void*>(events[i].data.u64 & kAddress), 1);
    for (int i = 0; i < count; ++i) {
        const std::uint64_t tag = events[i].data.u64;
        if (tag == kKick) {
            // Cleared before the caller looks for work, so a kick after this look is not lost. The
            // eventfd is edge-triggered and never read: each write is an edge of its own.
            kicked_.store(false, std::memory_order_seq_cst);
            continue;
        }
        deliver(*reinterpret_cast<PollEntry*>(tag & kAddress),
                static_cast<std::uint16_t>(tag >> 48), events[i].events, out);
    }
}

void Poller::kick() noexcept {
    open();
    if (kicked_.exchange(true, std::memory_order_seq_cst)) return;
    const std::uint64_t one = 1;
    // EAGAIN after 2^64 - 2 unread writes: at one a nanosecond in 584 years.
    [[maybe_unused]] const ssize_t written = write(event_fd_, &one, sizeof one);
}

}  // namespace pilotfish::core
