// How to write to a descriptor that somebody else may stop reading.
//
// The idea. Standard output belongs to many: its file description is shared with every worker that
// inherited it, and with whoever started us. So O_NONBLOCK, a property of the description, is not
// ours to set: a worker would get EAGAIN in the middle of a printf. What is ours is a flag of one
// call: pwritev2(RWF_NOWAIT), or send(MSG_DONTWAIT) on a socket. While the ring is empty the caller
// writes so itself: no copy, no thread, no wake-up, and the line is out before write() returns.
// What the kernel will not take at once goes to the ring, and a thread, started then, writes it
// with plain blocking calls. The common daemon never has that thread.
//
// What the kernel promises (read in fs/pipe.c, tried on 6.18): a pipe made by pipe(2) takes
// RWF_NOWAIT since Linux 6.4; a call that finds the pipe full gives EAGAIN or a short count, and up
// to PIPE_BUF bytes go in one piece or not at all, as with O_NONBLOCK. Sockets know MSG_DONTWAIT
// always; /dev/null takes RWF_NOWAIT. Older kernels' pipes, FIFOs opened by name, terminals and
// files of most file systems answer EOPNOTSUPP: there every line takes the thread. RWF_NOWAIT does
// wait for the pipe's mutex, which others hold while they copy; a writer that makes its own copy
// fault for long (userfaultfd, a FUSE mapping) could hold it. That is an attack by a process of our
// own container on its own log, and we accept it.
//
// Rejected:
// - poll(POLLOUT), then write(2) of at most PIPE_BUF from the caller. POLLOUT says that there was
//   room, not that there is: a worker with the same descriptor may take it in between, and the
//   write then sleeps for as long as the reader does. (Only flush() falls back on it, where the
//   system refuses us a thread: there the workers are gone.)
// - A description of our own by opening /proc/self/fd/1. It has its own O_NONBLOCK, but a pipe made
//   by root cannot be opened by the non-root daemon of a hardened pod, nor a socket by anyone.
// - Always a thread. A wake-up costs more than the write, and `pilotfish -- true` would pay for a
//   thread that it needs for one line.
// - vmsplice of the formatted lines: pages must not be touched until they were read, and nobody
//   tells when that was.
//
// Who holds the descriptor: while `in_write` is set it is the thread's; otherwise it is that of
// whoever holds the lock. So the bytes of one write() stay together, and the remainder of a short
// write is queued before anything else can be.
//
// The dangerous moment is the end: the thread may sleep in a write that never returns. Nobody joins
// it then. It shares the ring with the Output by a shared_ptr, and after its write it looks at
// `stop` before it touches the descriptor again, so neither may be gone before it is.
#include "daemon/output.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <cstring>
#include <mutex>

#include "core/check.h"

namespace pilotfish::daemon {
namespace {

using Clock = std::chrono::steady_clock;

// What a pipe holds by default; a larger write would only free the ring in larger steps.
constexpr std::size_t kWriteBytes = std::size_t{64} << 10;
// Ring memory that is kept once the ring ran empty; the rest is given back after kKeepMemory.
constexpr std::size_t kKeepBytes = std::size_t{64} << 10;
constexpr std::chrono::seconds kKeepMemory{1};
// poll, writev, cond_wait and the formatting of a loss; sanitizers need several times as much.
constexpr std::size_t kStackBytes = std::size_t{256} << 10;

std::uint64_t count_lines(std::string_view bytes) {
    if (bytes.empty()) return 0;
    const auto ends = std::count(bytes.begin(), bytes.end(), '\n');
    return static_cast<std::uint64_t>(ends) + (bytes.back() == '\n' ? 0 : 1);
}

// Bytes up to and with the last line end; 0: none.
std::size_t whole_lines(std::string_view bytes) {
    if (bytes.empty()) return 0;
    const void* end = memrchr(bytes.data(), '\n', bytes.size());
    if (end == nullptr) return 0;
    return static_cast<std::size_t>(static_cast<const char*>(end) - bytes.data()) + 1;
}

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

// Everything but the constants is guarded by mutex.
struct Output::State : std::enable_shared_from_this<Output::State> {
    enum class Direct : std::uint8_t { nowait, dontwait, none };
    // A negative result says that errno is not of the would-block kind.
    struct Sent {
        std::size_t bytes;
        int error;
    };

    State(int fd, const OutputOptions& options);
    ~State();
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    void write(OutputSource& source, std::string_view bytes, std::uint64_t line_count);
    std::size_t enqueue(std::string_view bytes, bool own, bool torn);
    bool append(std::string_view bytes);
    Sent send_now(const iovec* parts, int count);
    int parts_to_write(iovec (&parts)[2], std::size_t most) const;
    void consume(std::size_t bytes);
    void discard_ring();
    void tell_losses(bool forced);
    void lose(OutputSource& source, std::uint64_t lines);
    void wake_thread();
    bool start_thread();
    void drain_now();
    bool drain_waiting(Clock::time_point deadline);
    static void* thread_main(void* self);
    void run(std::unique_lock<std::mutex>& lock);
    void write_chunk(std::unique_lock<std::mutex>& lock);
    void wait_for_lines(std::unique_lock<std::mutex>& lock);

    std::size_t free_bytes() const { return capacity - size; }
    bool roomy() const { return free_bytes() >= capacity / 4; }

    const int fd;
    const std::size_t capacity;
    const bool may_start_thread;

    std::mutex mutex;
    std::condition_variable work;     // for the thread: lines, or stop
    std::condition_variable drained;  // from the thread: nothing is queued, or it is gone
    char* ring = nullptr;             // mapped when the first byte is queued
    std::size_t head = 0;
    std::size_t size = 0;
    std::size_t touched = 0;  // highest offset written since memory was given back
    Direct direct = Direct::nowait;
    bool in_write = false;
    bool waiting = false;
    bool stop = false;
    bool has_thread = false;
    OutputSource* untold = nullptr;
    std::uint64_t bytes_written = 0;
    std::uint64_t lost_lines = 0;
    std::uint64_t failed_lines = 0;
};

Output::State::State(int descriptor, const OutputOptions& options)
    : fd(descriptor),
      capacity((std::max<std::size_t>(options.capacity_bytes, 1) + 4095) & ~std::size_t{4095}),
      may_start_thread(options.may_start_thread) {}

Output::State::~State() {
    if (ring != nullptr) munmap(ring, capacity);
}

// Writes what the kernel takes without waiting; {0, 0}: nothing, now or ever.
Output::State::Sent Output::State::send_now(const iovec* parts, int count) {
    while (direct != Direct::none) {
        ssize_t sent = -1;
        if (direct == Direct::nowait) {
            sent = pwritev2(fd, parts, count, -1, RWF_NOWAIT);
        } else {
            msghdr message{};
            message.msg_iov = const_cast<iovec*>(parts);
            message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(count);
            sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        }
        if (sent >= 0) return {static_cast<std::size_t>(sent), 0};
        if (errno == EINTR) continue;
        if (would_block(errno)) return {0, 0};
        if (direct == Direct::nowait && (errno == EOPNOTSUPP || errno == ENOSYS ||
                                         errno == EINVAL || errno == EPERM || errno == ESPIPE)) {
            direct = Direct::dontwait;
        } else if (direct == Direct::dontwait && errno == ENOTSOCK) {
            direct = Direct::none;
        } else {
            return {0, errno};
        }
    }
    return {0, 0};
}

void Output::State::lose(OutputSource& source, std::uint64_t lines) {
    if (lines == 0) return;
    lost_lines += lines;
    source.lost_lines_.fetch_add(lines, std::memory_order_relaxed);
    if (source.untold_ == 0) {
        source.next_untold_ = untold;
        untold = &source;
    }
    source.untold_ += lines;
}

void Output::State::write(OutputSource& source, std::string_view bytes, std::uint64_t line_count) {
    source.lines_.fetch_add(line_count, std::memory_order_relaxed);
    if (!has_thread && size > 0) drain_now();
    if (untold != nullptr && roomy()) tell_losses(false);
    if (source.untold_ > 0) return lose(source, line_count);
    bool torn = false;
    if (size == 0 && !in_write) {
        const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
        const Sent sent = send_now(&part, 1);
        if (sent.error != 0) {
            failed_lines += line_count;
            source.lost_lines_.fetch_add(line_count, std::memory_order_relaxed);
            return;
        }
        bytes_written += sent.bytes;
        torn = sent.bytes > 0 && bytes[sent.bytes - 1] != '\n';
        bytes.remove_prefix(sent.bytes);
        if (bytes.empty()) return;
    }
    const std::size_t queued = enqueue(bytes, source.rank_ == OutputSource::Rank::own, torn);
    lose(source, count_lines(bytes.substr(queued)));
    wake_thread();
}

// Queues the whole lines that fit and returns their bytes. torn: the head of the first line is out
// already, so its rest is queued cut rather than not at all.
std::size_t Output::State::enqueue(std::string_view bytes, bool own, bool torn) {
    const std::size_t reserve = own ? 0 : capacity / 16;
    const std::size_t room = free_bytes() > reserve ? free_bytes() - reserve : 0;
    std::size_t fits = bytes.size();
    if (fits > room) {
        fits = whole_lines(bytes.substr(0, room));
        if (fits == 0 && torn && room > 0) {
            if (!append(bytes.substr(0, room - 1)) || !append("\n")) return 0;
            const std::size_t end = bytes.find('\n');
            return end == bytes.npos ? bytes.size() : end + 1;
        }
    }
    return append(bytes.substr(0, fits)) ? fits : 0;
}

// Requires: bytes.size() <= free_bytes(). False: the system has no memory for the ring.
bool Output::State::append(std::string_view bytes) {
    if (bytes.empty()) return true;
    if (ring == nullptr) {
        void* memory = mmap(nullptr, capacity, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) return false;
        ring = static_cast<char*>(memory);
    }
    // An empty ring starts over, so that light use touches its first pages only.
    if (size == 0 && !in_write) head = 0;
    const std::size_t tail = (head + size) % capacity;
    const std::size_t first = std::min(bytes.size(), capacity - tail);
    std::memcpy(ring + tail, bytes.data(), first);
    std::memcpy(ring, bytes.data() + first, bytes.size() - first);
    touched = std::max(touched, first < bytes.size() ? capacity : tail + first);
    size += bytes.size();
    return true;
}

// The oldest bytes, at most `most` of them, ending with a line where one ends there: others that
// write to the same file then come between lines.
int Output::State::parts_to_write(iovec (&parts)[2], std::size_t most) const {
    const std::size_t total = std::min(size, most);
    std::size_t first = std::min(total, capacity - head);
    std::size_t second = total - first;
    if (const std::size_t lines = whole_lines({ring, second})) {
        second = lines;
    } else if (const std::size_t before = whole_lines({ring + head, first})) {
        first = before;
        second = 0;
    }
    parts[0] = {ring + head, first};
    parts[1] = {ring, second};
    return second > 0 ? 2 : 1;
}

void Output::State::consume(std::size_t bytes) {
    bytes_written += bytes;
    head = (head + bytes) % capacity;
    size -= bytes;
    if (size == 0) head = 0;
}

// The descriptor is dead for now: whoever reads it next starts with fresh lines.
void Output::State::discard_ring() {
    const std::size_t first = std::min(size, capacity - head);
    failed_lines += count_lines({ring + head, first});
    if (first < size) {
        failed_lines += count_lines({ring, size - first});
        if (ring[capacity - 1] != '\n') --failed_lines;  // one line, counted on both sides
    }
    head = 0;
    size = 0;
}

// forced: with less than a quarter free too; what finds no room then is told of by the counters.
void Output::State::tell_losses(bool forced) {
    OutputSource* keep = nullptr;
    std::string line;
    while (untold != nullptr) {
        OutputSource& source = *untold;
        untold = source.next_untold_;
        line.clear();
        source.loss_line_(source.context_, source.untold_, line);
        if ((forced || roomy()) && line.size() <= free_bytes() && append(line)) {
            source.untold_ = 0;
            source.next_untold_ = nullptr;
        } else {
            source.next_untold_ = keep;
            keep = &source;
        }
    }
    untold = keep;
    if (size > 0) wake_thread();
}

void Output::State::wake_thread() {
    if (size == 0) return;
    if (!has_thread) {
        start_thread();
    } else if (waiting) {
        waiting = false;
        work.notify_one();
    }
}

bool Output::State::start_thread() {
    if (has_thread || !may_start_thread) return has_thread;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return false;
    pthread_attr_setstacksize(&attributes, kStackBytes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    // Born with everything blocked: signals are for the threads that the supervisor chose.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    auto* self = new std::shared_ptr<State>(shared_from_this());
    pthread_t thread;
    has_thread = pthread_create(&thread, &attributes, thread_main, self) == 0;
    if (!has_thread) delete self;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_attr_destroy(&attributes);
    return has_thread;
}

// Where the system gave no thread: what goes without waiting goes now, with the next line.
void Output::State::drain_now() {
    while (size > 0) {
        iovec parts[2];
        const int count = parts_to_write(parts, kWriteBytes);
        const Sent sent = send_now(parts, count);
        if (sent.error != 0) return discard_ring();
        if (sent.bytes == 0) return;
        consume(sent.bytes);
    }
}

// flush() without a thread. Holds the lock: nobody else can do anything for these lines either.
bool Output::State::drain_waiting(Clock::time_point deadline) {
    drain_now();
    while (size > 0) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        pollfd poller{fd, POLLOUT, 0};
        const int ready =
            poll(&poller, 1, static_cast<int>(std::clamp<long long>(left, 0, INT_MAX)));
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) return false;
        iovec parts[2];
        const int count = parts_to_write(parts, PIPE_BUF);
        const ssize_t sent = writev(fd, parts, count);
        if (sent >= 0) {
            consume(static_cast<std::size_t>(sent));
        } else if (errno != EINTR && !would_block(errno)) {
            discard_ring();
        }
        if (size > 0 && Clock::now() >= deadline) return false;
    }
    return true;
}

void* Output::State::thread_main(void* argument) {
    std::unique_ptr<std::shared_ptr<State>> handed(static_cast<std::shared_ptr<State>*>(argument));
    const std::shared_ptr<State> self = std::move(*handed);
    handed.reset();
    pthread_setname_np(pthread_self(), "pf-output");
    std::unique_lock lock(self->mutex);
    self->run(lock);
    self->has_thread = false;
    self->drained.notify_all();
    return nullptr;
}

void Output::State::run(std::unique_lock<std::mutex>& lock) {
    while (!stop) {
        if (size == 0) {
            drained.notify_all();
            wait_for_lines(lock);
        } else {
            write_chunk(lock);
        }
    }
}

void Output::State::wait_for_lines(std::unique_lock<std::mutex>& lock) {
    const auto called = [this] { return stop || size > 0; };
    waiting = true;
    if (touched > kKeepBytes && !work.wait_for(lock, kKeepMemory, called)) {
        // Quiet again: one wake-up after a burst, then none.
        madvise(ring + kKeepBytes, capacity - std::min(capacity, kKeepBytes), MADV_DONTNEED);
        touched = 0;
    }
    work.wait(lock, called);
    waiting = false;
}

void Output::State::write_chunk(std::unique_lock<std::mutex>& lock) {
    iovec parts[2];
    const int count = parts_to_write(parts, kWriteBytes);
    in_write = true;
    lock.unlock();
    // Producers add behind these bytes meanwhile, never over them.
    const ssize_t sent = writev(fd, parts, count);
    const int error = sent < 0 ? errno : 0;
    if (would_block(error)) {
        // Somebody made the shared description non-blocking.
        pollfd poller{fd, POLLOUT, 0};
        poll(&poller, 1, -1);
    }
    lock.lock();
    in_write = false;
    if (sent >= 0) {
        consume(static_cast<std::size_t>(sent));
    } else if (error != EINTR && !would_block(error)) {
        discard_ring();
    }
    if (untold != nullptr && roomy()) tell_losses(false);
}

OutputSource::OutputSource(Output& output, LossLine loss_line, const void* context, Rank rank)
    : output_(output), loss_line_(loss_line), context_(context), rank_(rank) {}

OutputSource::~OutputSource() { output_.forget(*this); }

Output::Output(int descriptor, OutputOptions options)
    : state_(std::make_shared<State>(descriptor, options)) {}

Output::~Output() {
    std::unique_lock lock(state_->mutex);
    PF_CHECK(state_->untold == nullptr, "an OutputSource outlives its Output");
    state_->stop = true;
    state_->work.notify_one();
    // A thread outside of write(2) ends at once and is waited for, so that nothing of us is left;
    // one inside may never return, and is left behind.
    state_->drained.wait(lock, [this] { return !state_->has_thread || state_->in_write; });
}

void Output::write(OutputSource& source, std::string_view bytes,
                   std::uint64_t line_count) noexcept {
    if (bytes.empty()) return;
    const std::lock_guard lock(state_->mutex);
    state_->write(source, bytes, line_count);
}

bool Output::flush(std::chrono::nanoseconds at_most) noexcept {
    std::unique_lock lock(state_->mutex);
    State& state = *state_;
    if (state.untold != nullptr) state.tell_losses(true);
    if (state.size == 0) return true;
    const auto deadline =
        Clock::now() + std::min<std::chrono::nanoseconds>(at_most, std::chrono::hours(24));
    if (!state.start_thread()) return state.drain_waiting(deadline);
    state.wake_thread();
    return state.drained.wait_until(lock, deadline, [&] { return state.size == 0; });
}

void Output::forget(OutputSource& source) noexcept {
    const std::lock_guard lock(state_->mutex);
    if (source.untold_ == 0) return;
    state_->tell_losses(true);
    for (OutputSource** at = &state_->untold; *at != nullptr; at = &(*at)->next_untold_) {
        if (*at == &source) {
            *at = source.next_untold_;
            return;
        }
    }
}

OutputStats Output::stats() const noexcept {
    const std::lock_guard lock(state_->mutex);
    return {state_->bytes_written, state_->lost_lines, state_->failed_lines, state_->size,
            state_->has_thread};
}

int Output::descriptor() const noexcept { return state_->fd; }

bool same_destination(int descriptor, int other) noexcept {
    struct stat a;
    struct stat b;
    return fstat(descriptor, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

}  // namespace pilotfish::daemon
