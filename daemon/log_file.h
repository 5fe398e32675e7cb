// A worker's log file as its pumps see it: lines go in and nobody ever waits for a disk.
//
// Lines wait in a bounded ring for a thread of this file's own, which writes and rotates
// (daemon/log_rotation.h). One thread a file, so that a disk or a network that hangs holds up
// nobody else's log; it begins with the first line and ends after some seconds without any. When
// the file cannot be written (a full disk), lines are kept as long as the ring has room, then lost
// whole and counted; it is tried again each second, said once that it began and once that it is
// over, and a line in the file tells how many are missing.
//
// Any thread. Shared with its thread. Blocks: flush() alone, and never longer than it was told.
// Fails: never; trouble is a line of the daemon's own log.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/log_rotation.h"

namespace pilotfish::daemon {

struct LogFileOptions {
    // What a disk may lag behind: 0.2 s of a worker that writes 5 MB/s. Chosen, not measured;
    // touched only as far as it fills.
    std::size_t capacity_bytes = std::size_t{1} << 20;
    std::chrono::milliseconds retry{1000};
    std::chrono::milliseconds keep_thread{5000};
};

class LogFile {
  public:
    LogFile(std::string worker, RotationOptions rotation, LogFileOptions options = {},
            FileCalls& calls = FileCalls::of_system());
    // What is still queued is written by the thread, which nobody waits for: at the end of the
    // process flush() first.
    ~LogFile();
    LogFile(const LogFile&) = delete;
    LogFile& operator=(const LogFile&) = delete;

    // Makes the file soon, so that a wrong path is told of before the first line.
    void begin();
    // bytes: whole lines; of the last the end may be missing, and is added.
    void write(std::string_view bytes, std::uint64_t line_count) noexcept;
    // As Output::wants_pause().
    bool wants_pause() const noexcept;
    // Waits until all is in the file; false: not in that time, or it cannot be written now.
    bool flush(std::chrono::nanoseconds at_most) noexcept;

    std::uint64_t lost_lines() const noexcept;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace pilotfish::daemon
