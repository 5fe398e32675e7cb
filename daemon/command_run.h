// A command run to its end, within a time: hooks of a worker, probes that are programs.
//
//     CommandRequest request;
//     request.process = ...;                       // command, environment, directory, identity
//     request.timeout = 5s;
//     const CommandResult result = co_await run_command(processes, std::move(request));
//     if (!result.ok()) say(result.sentence + ": " + result.last_line());
//
// Its output comes through pipes of its own: each piece is handed on, and the end of it kept. What
// it leaves in its process group is killed when it ends, so a hook cannot start a service. Who left
// the group may hold its pipes open, and is not waited for.
//
// Thread-safety: from any task. Ownership: the process table is borrowed until the result is there.
// Suspends: until the command has ended. A cancellation is heard only then: what may have to end
// earlier takes a stop token. Fails: by the result.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "core/task.h"
#include "daemon/exit_status.h"
#include "daemon/process_table.h"

namespace pilotfish::daemon {

// Of the output is kept: enough for the last words of most programs; chosen, not measured.
inline constexpr std::size_t kCommandTailBytes = 4096;

struct CommandRequest {
    SpawnRequest process;  // its standard output and error are ours to set
    std::chrono::nanoseconds timeout{std::chrono::seconds(10)};
    // From SIGTERM, when the time is over or a stop was asked for, to SIGKILL. 0: killed at once.
    std::chrono::nanoseconds grace{0};
    std::stop_token stop;
    // Each piece as it comes, of one stream by one thread at a time; may be empty.
    std::function<void(bool is_error, std::string_view bytes)> output;
};

struct CommandResult {
    enum class Kind : std::uint8_t { ended, timed_out, stopped, not_started };
    Kind kind = Kind::ended;
    ExitStatus status;     // of a command that was not started: 125, 126 or 127
    std::string sentence;  // "exited with code 3", "did not end within 5 s"; "cannot start ..."
    std::string output;    // the end of both streams, as they came

    bool ok() const { return kind == Kind::ended && status == ExitStatus{}; }
    // The last line that has any text, cut to what fits in a sentence; "" when there is none.
    std::string last_line() const;
};

core::Task<CommandResult> run_command(ProcessTable& processes, CommandRequest request);

}  // namespace pilotfish::daemon
