// The look of a new binary at the state it is to take over, before the daemon jumps to it: it is
// run as a child, `PROGRAM take-over --check ARG...` (or --check-state), with the state as its
// standard input and the daemon's own environment and arguments, and must answer that it could read
// state and configuration. An older release, another program or a script does not.
//
// Thread-safety: free functions. Blocks: ask_binary() until the child has answered, for some
// seconds at most. Fails: a sentence with what the binary said.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/result.h"
#include "daemon/process_table.h"
#include "daemon/signals_at_start.h"

namespace pilotfish::daemon {

// How we were started.
struct Origin {
    std::string binary;  // as the path led to it then; empty: /proc does not tell
    std::vector<std::string> arguments;
    std::string directory;

    static Origin of_this_process(int argc, const char* const* argv);
};

// Collects a child that nobody else will: the caller holds the table, or it is registered there.
using SpawnCheck = std::function<SpawnResult(const SpawnRequest&)>;
// Waits until this child of ours is over, kills it at the deadline, and collects it.
using CollectCheck = std::function<ExitStatus(const SpawnedProcess&, std::chrono::milliseconds)>;

// What is looked at: in the pause the state alone, as the configuration was read before it.
enum class TakeOverCheck : std::uint8_t { all, state };

core::Result<void> ask_binary(const Origin& origin, TakeOverCheck check, int state_fd,
                              const SignalsAtStart& signals, const SpawnCheck& spawn,
                              const CollectCheck& collect);

// While the table is frozen by the caller: nobody else collects.
ExitStatus collect_alone(const SpawnedProcess& child, std::chrono::milliseconds patience);

// What the new binary does when asked so; nullopt: argv is not such a question.
std::optional<int> answer_check(int argc, const char* const* argv, const SignalsAtStart& signals);

}  // namespace pilotfish::daemon
