// How a worker's health is learned, as people write it: READY and LIVENESS.
//
// Any thread; plain values and functions over borrowed text. Never block. Parsing fails by false
// with half a sentence in `why`, as in config/quantity.h; the value is then as it was.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pilotfish::config {

// What is asked from outside of it.
struct ProbeTarget {
    enum class Kind : std::uint8_t { tcp, http, exec };
    Kind kind = Kind::tcp;
    std::string address;               // tcp and http: as core::InetAddress::parse() takes it
    std::string path;                  // http: begins with /, with its query
    std::vector<std::string> command;  // exec
    bool operator==(const ProbeTarget&) const = default;
};

// When it is ready.
//   none                     as soon as it runs
//   notify                   when it says READY=1, by sd_notify(3)
//   fd:N                     when it writes a line to descriptor N, as s6's services do
//   log:REGEX                when it logs a line that the pattern is found in
//   tcp:HOST:PORT            when it takes a connection
//   http://HOST:PORT/path    when it answers with 200 to 399
//   exec:COMMAND             when the command ends with 0
struct ReadySetting {
    enum class Kind : std::uint8_t { none, notify, descriptor, log_line, probe };
    Kind kind = Kind::none;
    int descriptor = -1;  // 3 to 1023
    std::string pattern;  // that config/line_pattern.h has taken
    ProbeTarget probe;
    bool operator==(const ReadySetting&) const = default;
};

// Is it alive: tcp, http or exec, as above.
struct LivenessSetting {
    std::optional<ProbeTarget> probe;  // nullopt: not asked
    bool operator==(const LivenessSetting&) const = default;
};

bool parse_ready(std::string_view text, ReadySetting& value, std::string& why);
bool parse_liveness(std::string_view text, LivenessSetting& value, std::string& why);

// What parse_ready() and parse_liveness() read back to the same value; "none" for nothing.
std::string format_probe(const ProbeTarget& value);
std::string format_ready(const ReadySetting& value);
std::string format_liveness(const LivenessSetting& value);

}  // namespace pilotfish::config
