// A thread for the admin plane: named, and deaf to every signal, so that one meant for the daemon
// is never delivered here.
//
// Any thread. The caller owns the std::thread and joins or detaches it. Never blocks. Fails when
// the container may have no more threads (pids.max).
#pragma once

#include <functional>
#include <thread>

#include "core/result.h"

namespace pilotfish::http {

// name: at most 15 characters, as the kernel shows it.
core::Result<std::thread> start_thread(const char* name, std::function<void()> body);

}  // namespace pilotfish::http
