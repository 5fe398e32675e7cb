// The way out for log lines: a descriptor that can never make its writers wait.
//
// A line that the kernel takes at once is written by its caller; anything else waits in a bounded
// ring for one thread, which may block. When the ring is full, lines are lost whole and counted,
// and one line says how many once there is room again. Neither ring nor thread exists before it is
// needed. The essay in output.cpp says why it is built so.
//
// Any thread may write; the bytes of one write() stay together. The descriptor is borrowed, must
// outlive the Output and is never switched to non-blocking (the workers share its file
// description). Where two descriptors name one file (2>&1), lines stay whole only if one Output
// serves both: see same_destination(). Blocks: flush() alone, and never longer than it was told.
// Fails: never; what a dead descriptor refuses is counted and silent.
// Requires: SIGPIPE ignored; descriptors 0 to 2 open, or the next file opened becomes "stdout".
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace pilotfish::daemon {

class Output;

// One origin of lines, a worker's stream or the daemon itself, with its own counters.
// Any thread may read the counters; writes through one source may come from any thread. Borrows the
// Output, which must outlive it.
class OutputSource {
  public:
    // Appends the line, with its end, that tells of lost lines. Called on any thread, inside the
    // Output's lock: it must neither block nor write to an Output.
    using LossLine = void (*)(const void* context, std::uint64_t lost, std::string& out);
    // own: may also use the ring's last sixteenth, so that a noisy worker cannot silence the
    // daemon.
    enum class Rank : std::uint8_t { worker, own };

    // context must outlive the source.
    OutputSource(Output& output, LossLine loss_line, const void* context, Rank rank);
    ~OutputSource();
    OutputSource(const OutputSource&) = delete;
    OutputSource& operator=(const OutputSource&) = delete;

    // Lines given to write(), and those of them that were lost for want of room or to a dead
    // reader.
    std::uint64_t lines() const { return lines_.load(std::memory_order_relaxed); }
    std::uint64_t lost_lines() const { return lost_lines_.load(std::memory_order_relaxed); }

  private:
    friend class Output;
    Output& output_;
    const LossLine loss_line_;
    const void* const context_;
    const Rank rank_;
    std::atomic<std::uint64_t> lines_{0};
    std::atomic<std::uint64_t> lost_lines_{0};
    // Guarded by the Output's lock.
    std::uint64_t untold_ = 0;  // lost and not yet told of; not 0: on the Output's list
    OutputSource* next_untold_ = nullptr;
};

struct OutputOptions {
    // What a reader may lag behind: about 8,000 lines of 128 B. Chosen, not measured. Rounded up to
    // whole pages; touched only as far as it fills.
    std::size_t capacity_bytes = std::size_t{1} << 20;
    // false: behave as where the system refuses a thread (pids.max reached); flush() then writes.
    bool may_start_thread = true;
};

struct OutputStats {
    std::uint64_t bytes = 0;         // taken by the kernel
    std::uint64_t lost_lines = 0;    // there was no room
    std::uint64_t failed_lines = 0;  // the descriptor refused them: EPIPE, EBADF, ENOSPC, ...
    std::size_t queued_bytes = 0;    // waiting in the ring
    bool has_thread = false;
};

class Output {
  public:
    // Costs one allocation; makes no system call.
    explicit Output(int descriptor, OutputOptions options = {});
    // What is still queued is lost: flush() first. Never waits for a reader.
    ~Output();
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    // bytes: whole lines, each with its end; line_count of them. What does not fit is lost from the
    // first line on that does not. From then until a quarter of the ring is free, all lines of this
    // source are lost, so that one gap is told of once.
    void write(OutputSource& source, std::string_view bytes, std::uint64_t line_count = 1) noexcept;

    // True while the ring is more than half full, for a fifth of a second at most, until it is
    // three quarters empty again: who reads the workers' pipes and can wait without blocking
    // anybody does well to pause a millisecond at a time meanwhile. A reader that is slower than a
    // burst then costs the worker some time, as a bare pipe would, and no line; one that stopped
    // reading costs lines, and no worker ever stands still. Any thread, without a lock.
    bool wants_pause() const noexcept;

    // Waits until the kernel has everything, at most this long; false: something is still queued.
    bool flush(std::chrono::nanoseconds at_most) noexcept;

    // Writes nothing from here on and returns what is queued, for the image that follows this one;
    // what is written meanwhile is queued behind it. nullopt: a write under way did not return in
    // this time, so nobody could say what of it is out; nothing is held then. Blocks that long.
    std::optional<std::string> hold(std::chrono::nanoseconds at_most);
    void let_go() noexcept;
    // What the image before this one had queued: it goes out first.
    void preload(std::string_view bytes) noexcept;

    OutputStats stats() const noexcept;
    int descriptor() const noexcept;

  private:
    friend class OutputSource;
    struct State;
    void forget(OutputSource& source) noexcept;
    std::shared_ptr<State> state_;  // shared with the writer thread, which a deaf reader may hold
};

// True when both descriptors lead to one file, pipe, socket or terminal; false also when either is
// closed.
bool same_destination(int descriptor, int other) noexcept;

}  // namespace pilotfish::daemon
