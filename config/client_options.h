// What the client commands were asked: pilotfish status, stop, logs and the like.
//
// Plain values, own their text; nothing here blocks or fails.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/quantity.h"

namespace pilotfish::config {

struct ClientOptions {
    std::vector<std::string> workers = {};  // as named; empty: all
    std::string signal = {};                // as written: "HUP"
    std::optional<Duration> wait = {};      // until what was asked has come true
    bool wait_for_end = false;              // shutdown: until the daemon has gone
    bool watch = false;
    bool follow = false;
    bool dry_run = false;
    std::optional<std::int64_t> tail = {};   // logs: this many of the last lines
    std::optional<std::int64_t> since = {};  // what came after this event or line
    std::string admin = {};                  // ask here and search for no socket
};

}  // namespace pilotfish::config
