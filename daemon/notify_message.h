// What a service says of itself by sd_notify(3): one datagram of lines NAME=value.
//
// Any thread; plain values; never blocks. Fails: what cannot be understood is left out, and
// `refused` says so; lines with names unknown to us are silently left out, as the protocol wants.
// Source: sd_notify(3) of systemd 255.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace pilotfish::daemon {

struct NotifyMessage {
    bool ready = false;       // READY=1
    bool reloading = false;   // RELOADING=1
    bool stopping = false;    // STOPPING=1
    bool barrier = false;     // BARRIER=1: the descriptor sent along is to be closed
    bool keep_alive = false;  // WATCHDOG=1
    bool gives_up = false;    // WATCHDOG=trigger: as if the watchdog had been missed
    std::optional<std::chrono::nanoseconds> watchdog;        // WATCHDOG_USEC=
    std::optional<std::chrono::nanoseconds> extend_timeout;  // EXTEND_TIMEOUT_USEC=
    std::optional<pid_t> main_pid;                           // MAINPID=
    std::optional<int> error_number;                         // ERRNO=
    std::optional<std::string> status;  // STATUS=, made printable and cut at kMostStatusBytes
    std::string refused;                // "WATCHDOG_USEC=abc"; empty: nothing was
};

// As systemd: what is longer is refused whole.
inline constexpr std::size_t kMostNotifyBytes = 4096;
inline constexpr std::size_t kMostStatusBytes = 256;  // a line for a person; chosen

NotifyMessage parse_notify_message(std::string_view datagram);

// One line of printable text: control characters and broken UTF-8 become '?', what is beyond
// most_bytes is cut between characters.
std::string printable(std::string_view text, std::size_t most_bytes);

}  // namespace pilotfish::daemon
