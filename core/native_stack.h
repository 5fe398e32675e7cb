// The native stack of another thread of ours, taken by asking it with a signal.
//
//     NativeThread here;                 // a member of what the thread belongs to
//     here.begin(__builtin_frame_address(0));                    // by the thread itself
//     NativeStack stack;
//     if (here.capture(stack, 100ms)) text.append(to_text(stack, " < "));      // by any other
//
// The thread's signal handler follows the frame pointers that all our code keeps, each checked
// against the bounds of its stack; the asker finds the names. Code without frame pointers (libc)
// shows as the function the thread is in and who called into it; what lies between is left out.
//
// The signal is SIGURG, as Go's: by default it is ignored, and nobody waits for it. One that is not
// ours goes to the handler that was there before us, or, where the thread had it blocked for a
// signalfd, back to the process; such a thread then answers no more. The handler restarts system
// calls (SA_RESTART); those the kernel never restarts (poll, nanosleep ...) return EINTR, so nobody
// is asked but on a request or a stall.
//
// Thread-safety: begin() and end() by the thread itself, capture() by any thread, one at a time.
// Blocks: capture() up to its time-out, in all; a thread in uninterruptible sleep cannot answer.
// Never fails otherwise. Allocates nothing but text.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace pilotfish::core {

struct TaskRecord;

struct NativeStack {
    static constexpr int kDeepest = 48;
    static constexpr int kWords = 64;

    std::array<std::uintptr_t, kDeepest> frames{};  // where it is, then return addresses
    int depth = 0;
    bool cut = false;  // there were more
    // What lay on the stack below the innermost frame that has a frame pointer.
    std::array<std::uintptr_t, kWords> words{};
    int word_count = 0;
    const TaskRecord* task = nullptr;  // that the thread was running; not to be followed
};

class NativeThread {
  public:
    // Of the stack only what lies below `top` is shown.
    void begin(const void* top) noexcept;
    void end() noexcept;
    // 0: not begun, or ended. The kernel may give the number to another thread after end().
    pid_t tid() const noexcept { return tid_.load(std::memory_order_relaxed); }
    // False: no answer in time, or the thread has ended.
    [[nodiscard]] bool capture(NativeStack& out, std::chrono::nanoseconds patience) noexcept;

  private:
    friend struct NativeHandler;

    std::timed_mutex lives_;  // held while it is asked: it must not end meanwhile
    std::atomic<pid_t> tid_{0};
    std::atomic<bool> deaf_{false};
    bool was_blocked_ = false;  // the signal, before begin()
    std::uintptr_t low_ = 0;
    std::uintptr_t high_ = 0;
};

// The names of the frames, innermost first, demangled, with `between` between them.
std::string to_text(const NativeStack& stack, std::string_view between);
// Two lines a frame, as in a dump:  name\n\tmodule+0x12\n
void append_frames(std::string& out, const NativeStack& stack);

}  // namespace pilotfish::core
