// The memory file that carries a Handover over an execve(2), and how the next image finds it.
//
// The file is sealed: nobody changes it between the look of the new binary at it and the jump. Its
// descriptor's number travels in an environment variable of ours, which the next image removes
// before anything reads the environment.
//
// Thread-safety: free functions; take_handover() once, by the first thread. Ownership: the caller's
// descriptors. Never blocks. Fails: sentences with errno.
#pragma once

#include <optional>

#include "core/result.h"
#include "daemon/handover.h"
#include "daemon/signals_at_start.h"

namespace pilotfish::daemon {

inline constexpr const char* kTakeOverVariable = "PILOTFISH_TAKE_OVER";

// Close-on-exec. Fails where the system has no memory files.
core::Result<int> write_handover_file(const Handover& handover);
core::Result<Handover> read_handover_file(int fd);

// In the next image, before any other thread: what the one before handed over; nullopt: this is a
// start like any other. From here on the descriptors are closed by a further exec. signals: what
// the first image was started with.
std::optional<core::Result<Handover>> take_handover(SignalsAtStart& signals);

// For every descriptor of it, and that file: whether the next exec closes them.
void set_close_on_exec(const Handover& handover, bool closed);

}  // namespace pilotfish::daemon
