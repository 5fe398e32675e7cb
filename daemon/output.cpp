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

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <mutex>

#include "core/check.h"
#include "core/signals.h"
#include "daemon/output_state.h"

namespace pilotfish::daemon {
namespace {

using Clock = std::chrono::steady_clock;

// What a pipe holds by default; a larger write would only free the ring in larger steps.
constexpr std::size_t kWriteBytes = std::size_t{64} << 10;
// How long the ring's spare memory outlives the last burst.
constexpr std::chrono::seconds kKeepMemory{1};
// How long a full ring may hold up the workers before they count more than their lines. Chosen:
// longer than any hiccup of a living reader, too short to be felt as an outage.
constexpr std::chrono::milliseconds kPatience{200};
// poll, writev, cond_wait and the formatting of a loss; sanitizers need several times as much.
constexpr std::size_t kStackBytes = std::size_t{256} << 10;

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

Output::State::State(int descriptor, const OutputOptions& options)
    : fd(descriptor), may_start_thread(options.may_start_thread), ring(options.capacity_bytes) {}

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
    if (!has_thread && !held && !ring.empty()) drain_now();
    if (untold != nullptr && roomy()) tell_losses(false);
    if (source.untold_ > 0) return lose(source, line_count);
    bool torn = false;
    if (ring.empty() && !in_write && !held) {
        const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
        const Sent now = send_now(&part, 1);
        if (now.error != 0) {
            failed_lines += line_count;
            source.lost_lines_.fetch_add(line_count, std::memory_order_relaxed);
            return;
        }
        bytes_written += now.bytes;
        torn = now.bytes > 0 && bytes[now.bytes - 1] != '\n';
        bytes.remove_prefix(now.bytes);
        if (bytes.empty()) return;
    }
    const std::size_t queued = enqueue(bytes, source.rank_ == OutputSource::Rank::own, torn);
    note_level();
    lose(source, count_lines(bytes.substr(queued)));
    wake_thread();
}

// Queues the whole lines that fit and returns their bytes. torn: the head of the first line is out
// already, so its rest is queued cut rather than not at all.
std::size_t Output::State::enqueue(std::string_view bytes, bool own, bool torn) {
    const std::size_t reserve = own ? 0 : ring.capacity() / 16;
    const std::size_t room = ring.free_bytes() > reserve ? ring.free_bytes() - reserve : 0;
    std::size_t fits = bytes.size();
    if (fits > room) {
        fits = whole_lines(bytes.substr(0, room));
        if (fits == 0 && torn && room > 0) {
            if (!ring.append(bytes.substr(0, room - 1)) || !ring.append("\n")) return 0;
            const std::size_t end = bytes.find('\n');
            return end == bytes.npos ? bytes.size() : end + 1;
        }
    }
    return ring.append(bytes.substr(0, fits)) ? fits : 0;
}

void Output::State::sent(std::size_t bytes) {
    bytes_written += bytes;
    ring.consume(bytes);
    note_level();
}

void Output::State::note_level() {
    const Clock::rep since = crowded_since.load(std::memory_order_relaxed);
    if (since == 0 && ring.size() > ring.capacity() / 2) {
        crowded_since.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed);
    } else if (since != 0 && ring.size() < ring.capacity() / 4) {
        crowded_since.store(0, std::memory_order_relaxed);
    }
}

// The descriptor is dead for now: whoever reads it next starts with fresh lines.
void Output::State::refused() {
    failed_lines += ring.clear();
    note_level();
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
        if ((forced || roomy()) && line.size() <= ring.free_bytes() && ring.append(line)) {
            source.untold_ = 0;
            source.next_untold_ = nullptr;
        } else {
            source.next_untold_ = keep;
            keep = &source;
        }
    }
    untold = keep;
    if (!ring.empty()) wake_thread();
}

void Output::State::wake_thread() {
    if (ring.empty() || held) return;
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
    const core::BlockedSignals for_others(core::SignalSet::all());
    auto* self = new std::shared_ptr<State>(shared_from_this());
    pthread_t thread;
    has_thread = pthread_create(&thread, &attributes, thread_main, self) == 0;
    if (!has_thread) delete self;
    pthread_attr_destroy(&attributes);
    return has_thread;
}

// Where the system gave no thread: what goes without waiting goes now, with the next line.
void Output::State::drain_now() {
    while (!ring.empty()) {
        iovec parts[2];
        const Sent now = send_now(parts, ring.parts(parts, kWriteBytes));
        if (now.error != 0) return refused();
        if (now.bytes == 0) return;
        sent(now.bytes);
    }
}

// flush() without a thread.
bool Output::State::drain_waiting(std::unique_lock<std::mutex>& lock, Clock::time_point deadline) {
    drain_now();
    while (!ring.empty()) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        pollfd poller{fd, POLLOUT, 0};
        lock.unlock();
        const int ready = poll(&poller, 1, static_cast<int>(std::clamp<long>(left, 0, INT_MAX)));
        const int error = errno;
        lock.lock();
        if (ready == 0 || (ready < 0 && error != EINTR)) return false;
        if (ready < 0 || ring.empty()) continue;
        iovec parts[2];
        const ssize_t count = writev(fd, parts, ring.parts(parts, PIPE_BUF));
        if (count >= 0) {
            sent(static_cast<std::size_t>(count));
        } else if (errno != EINTR && !would_block(errno)) {
            refused();
        }
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
        if (ring.empty() || held) {
            drained.notify_all();
            wait_for_lines(lock);
        } else {
            write_chunk(lock);
        }
    }
}

void Output::State::wait_for_lines(std::unique_lock<std::mutex>& lock) {
    const auto called = [this] { return stop || (!ring.empty() && !held); };
    waiting = true;
    // Quiet again: one wake-up after a burst, then none.
    if (ring.holds_spare_memory() && !work.wait_for(lock, kKeepMemory, called) && ring.empty())
        ring.give_back();
    work.wait(lock, called);
    waiting = false;
}

void Output::State::write_chunk(std::unique_lock<std::mutex>& lock) {
    iovec parts[2];
    const int part_count = ring.parts(parts, kWriteBytes);
    in_write = true;
    lock.unlock();
    // Producers add behind these bytes meanwhile, never over them.
    const ssize_t count = writev(fd, parts, part_count);
    const int error = count < 0 ? errno : 0;
    if (would_block(error)) {
        // Somebody made the shared description non-blocking.
        pollfd poller{fd, POLLOUT, 0};
        poll(&poller, 1, -1);
    }
    lock.lock();
    in_write = false;
    if (held) drained.notify_all();
    if (count >= 0) {
        sent(static_cast<std::size_t>(count));
    } else if (error != EINTR && !would_block(error)) {
        refused();
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
    // A thread outside of write(2) lets go of the descriptor at once and is waited for; one inside
    // may never return, and is left behind.
    state_->drained.wait(lock, [this] { return !state_->has_thread || state_->in_write; });
}

void Output::write(OutputSource& source, std::string_view bytes,
                   std::uint64_t line_count) noexcept {
    if (bytes.empty()) return;
    const std::lock_guard lock(state_->mutex);
    state_->write(source, bytes, line_count);
}

bool Output::wants_pause() const noexcept {
    // Relaxed: a hint, and a stale one is set right a millisecond later.
    const Clock::rep since = state_->crowded_since.load(std::memory_order_relaxed);
    return since != 0 && Clock::now() - Clock::time_point(Clock::duration(since)) < kPatience;
}

bool Output::flush(std::chrono::nanoseconds at_most) noexcept {
    std::unique_lock lock(state_->mutex);
    State& state = *state_;
    if (state.untold != nullptr) state.tell_losses(true);
    if (state.ring.empty()) return true;
    const auto deadline =
        Clock::now() + std::min<std::chrono::nanoseconds>(at_most, std::chrono::hours(24));
    if (!state.start_thread()) return state.drain_waiting(lock, deadline);
    state.wake_thread();
    return state.drained.wait_until(lock, deadline, [&] { return state.ring.empty(); });
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
    return {state_->bytes_written, state_->lost_lines, state_->failed_lines, state_->ring.size(),
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
