#include "daemon/log_file.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "core/log.h"
#include "core/signals.h"
#include "daemon/line_ring.h"
#include "daemon/log_format.h"

namespace pilotfish::daemon {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kWriteBytes = std::size_t{256} << 10;  // a step of the disk's, chosen
constexpr std::chrono::milliseconds kPatience{200};          // as daemon/output.cpp
constexpr std::size_t kStackBytes = std::size_t{256} << 10;

}  // namespace

// Guarded by mutex but for the file, which is the thread's or, without one, flush()'s.
struct LogFile::State : std::enable_shared_from_this<State> {
    State(std::string of, RotationOptions rotation, const LogFileOptions& with, FileCalls& calls)
        : worker(std::move(of)),
          options(with),
          file(std::move(rotation), calls),
          ring(with.capacity_bytes) {}

    void write(std::string_view bytes, std::uint64_t line_count);
    bool roomy() const { return ring.free_bytes() >= ring.capacity() / 4; }
    void tell_loss();
    void note_level();
    void wake();
    bool start_thread();
    static void* thread_main(void* self);
    void run(std::unique_lock<std::mutex>& lock);
    bool rest(std::unique_lock<std::mutex>& lock);
    bool write_some(std::unique_lock<std::mutex>& lock);
    void say(core::LogLevel level, const std::string& line) const {
        core::log(level, "daemon", worker + ": " + line);
    }

    const std::string worker;
    const LogFileOptions options;

    std::mutex mutex;
    std::condition_variable work;
    std::condition_variable drained;
    RotatingFile file;
    LineRing ring;
    bool has_thread = false;
    bool unopened = false;  // begin() was asked for and not done
    bool failing = false;
    bool stop = false;
    std::uint64_t untold = 0;
    std::uint64_t lost = 0;
    std::atomic<Clock::rep> crowded_since{0};
};

void LogFile::State::write(std::string_view bytes, std::uint64_t line_count) {
    if (untold > 0 && roomy()) tell_loss();
    std::size_t fits = 0;
    if (untold == 0) {
        const bool cut = bytes.back() != '\n';
        const std::size_t room = ring.free_bytes();
        fits = bytes.size() + (cut ? 1 : 0) <= room ? bytes.size()
                                                    : whole_lines(bytes.substr(0, room));
        const bool whole = fits == bytes.size();
        if (!ring.append(bytes.substr(0, fits)) || (whole && cut && !ring.append("\n"))) fits = 0;
    }
    const std::uint64_t gone =
        fits == bytes.size() ? 0 : (fits == 0 ? line_count : count_lines(bytes.substr(fits)));
    untold += gone;
    lost += gone;
    note_level();
    wake();
}

// In its place, before what comes next.
void LogFile::State::tell_loss() {
    std::string line;
    LineFormat(LineStyle::prefix, worker, "")
        .append_loss(line, untold, std::chrono::system_clock::now(), "the disk was full or slow");
    if (line.size() > ring.free_bytes() || !ring.append(line)) return;
    untold = 0;
}

void LogFile::State::note_level() {
    const Clock::rep since = crowded_since.load(std::memory_order_relaxed);
    if (since == 0 && ring.size() > ring.capacity() / 2) {
        crowded_since.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed);
    } else if (since != 0 && ring.size() < ring.capacity() / 4) {
        crowded_since.store(0, std::memory_order_relaxed);
    }
}

void LogFile::State::wake() {
    if (!has_thread) {
        start_thread();
    } else {
        work.notify_one();
    }
}

// False: the system refuses a thread now. What is queued waits for the next line, or for flush().
bool LogFile::State::start_thread() {
    if (has_thread) return true;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return false;
    pthread_attr_setstacksize(&attributes, kStackBytes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    const core::BlockedSignals for_others(core::SignalSet::all());
    auto* self = new std::shared_ptr<State>(shared_from_this());
    pthread_t thread;
    has_thread = pthread_create(&thread, &attributes, thread_main, self) == 0;
    if (!has_thread) delete self;
    pthread_attr_destroy(&attributes);
    return has_thread;
}

void* LogFile::State::thread_main(void* argument) {
    std::unique_ptr<std::shared_ptr<State>> handed(static_cast<std::shared_ptr<State>*>(argument));
    const std::shared_ptr<State> self = std::move(*handed);
    handed.reset();
    pthread_setname_np(pthread_self(), "pf-logfile");
    std::unique_lock lock(self->mutex);
    self->run(lock);
    self->has_thread = false;
    self->drained.notify_all();
    return nullptr;
}

void LogFile::State::run(std::unique_lock<std::mutex>& lock) {
    for (;;) {
        if (ring.empty() && untold > 0 && !failing) tell_loss();
        if (ring.empty() && !unopened) {
            drained.notify_all();
            if (stop || !rest(lock)) return;
        } else if (!write_some(lock)) {
            drained.notify_all();
            if (stop) return;
            work.wait_for(lock, options.retry, [this] { return stop; });
        }
    }
}

// False: nothing came for long, and the thread may go.
bool LogFile::State::rest(std::unique_lock<std::mutex>& lock) {
    const bool called = work.wait_for(lock, options.keep_thread,
                                      [this] { return stop || unopened || !ring.empty(); });
    if (!called && ring.holds_spare_memory()) ring.give_back();
    return called;
}

// Writes a part of what is queued; false: it could not be written.
bool LogFile::State::write_some(std::unique_lock<std::mutex>& lock) {
    std::string_view bytes;
    if (!ring.empty()) {
        iovec parts[2];
        ring.parts(parts, kWriteBytes);
        const iovec& part = parts[parts[0].iov_len > 0 ? 0 : 1];
        bytes = {static_cast<const char*>(part.iov_base), part.iov_len};
    }
    unopened = false;
    lock.unlock();
    core::Result<std::size_t> written = std::size_t{0};
    if (const auto opened = file.open(); !opened) {
        written = opened.error();
    } else {
        written = file.write(bytes);
    }
    const std::string complaint = file.take_complaint();
    lock.lock();
    if (!complaint.empty()) say(core::LogLevel::warn, complaint);
    if (written) {
        ring.consume(*written);
        if (std::exchange(failing, false))
            say(core::LogLevel::info, "its log file can be written again");
    } else if (!std::exchange(failing, true)) {
        say(core::LogLevel::error,
            written.error().message +
                "; tried again each second, lines that find no room are lost");
    }
    note_level();
    return written.ok();
}

LogFile::LogFile(std::string worker, RotationOptions rotation, LogFileOptions options,
                 FileCalls& calls)
    : state_(std::make_shared<State>(std::move(worker), std::move(rotation), options, calls)) {}

LogFile::~LogFile() {
    const std::lock_guard lock(state_->mutex);
    state_->stop = true;
    state_->work.notify_one();
}

void LogFile::begin() {
    const std::lock_guard lock(state_->mutex);
    state_->unopened = true;
    state_->wake();
}

void LogFile::write(std::string_view bytes, std::uint64_t line_count) noexcept {
    if (bytes.empty()) return;
    const std::lock_guard lock(state_->mutex);
    state_->write(bytes, line_count);
}

bool LogFile::wants_pause() const noexcept {
    const Clock::rep since = state_->crowded_since.load(std::memory_order_relaxed);
    return since != 0 && Clock::now() - Clock::time_point(Clock::duration(since)) < kPatience;
}

bool LogFile::flush(std::chrono::nanoseconds at_most) noexcept {
    std::unique_lock lock(state_->mutex);
    State& state = *state_;
    if (state.untold > 0 && !state.failing) state.tell_loss();
    const auto done = [&] { return state.ring.empty() && !state.unopened; };
    if (done()) return true;
    if (!state.start_thread()) {
        // Without a thread the file is ours; whoever flushes has time.
        while (!done() && state.write_some(lock)) {
        }
        return done();
    }
    state.work.notify_one();
    const auto deadline =
        Clock::now() + std::min<std::chrono::nanoseconds>(at_most, std::chrono::hours(24));
    state.drained.wait_until(lock, deadline, [&] { return done() || state.failing; });
    return done();
}

std::uint64_t LogFile::lost_lines() const noexcept {
    const std::lock_guard lock(state_->mutex);
    return state_->lost;
}

}  // namespace pilotfish::daemon
