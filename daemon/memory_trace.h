// PILOTFISH_DEBUG=memtrace=1: one line on stderr for each step that is taken because of memory, in
// the manner of Go's gctrace. daemon/README.md explains the fields; their order stays.
//
//     memtrace 3 @12.345s heap: load=91% bytes=234567890 limit=257000000 steps=shrink,purge
//         shrinkers=1 freed=120000000 shrink=0.120ms purge=12.300ms
//     memtrace 4 @13.345s container: load=101% bytes=243000000 limit=241591910 step=restart
//         worker=web resident=180000000 grown=120000000
//
// (each in one line; "worker:" where it is over its own MEMORY). Thread-safety: any thread.
// Ownership: borrows the Output, which must outlive it. Blocks: never. Fails: never; lines that
// find no room are counted and told.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>

#include "core/memory_limit.h"
#include "daemon/memory_guard.h"
#include "daemon/output.h"

namespace pilotfish::daemon {

// Without number and time. Pure.
std::string heap_trace(const core::MemoryCycle& cycle, std::uint64_t limit_bytes);
std::string guard_trace(const GuardAction& action, std::string_view worker);

class MemoryTrace {
  public:
    MemoryTrace(Output& output, bool on);

    void cycle(const core::MemoryCycle& cycle, std::uint64_t limit_bytes);
    void action(const GuardAction& action, std::string_view worker);
    // Whatever is still to be told is dropped: the daemon's last line comes next.
    void end();

  private:
    void write(const std::string& fields);

    const bool on_;
    Output& output_;
    OutputSource source_;
    std::mutex mutex_;  // over a whole line, so that none follows the end
    bool ended_ = false;
    std::uint64_t lines_ = 0;
    const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace pilotfish::daemon
