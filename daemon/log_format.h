// What a log line looks like: a worker's lines (prefix, JSON) and the daemon's own (text, JSON).
//
//   prefix   web | listening on :8080          web + the rest of a line over the cap
//   json     {"time":"2026-11-23T12:00:00.123Z","worker":"web","stream":"stdout","line":"..."}
//            with "partial":true on every piece of a line over the cap but its last
//   text     2026-11-23T12:00:00.123Z info  [daemon] web is ready
//   json     {"time":"2026-11-23T12:00:00.123Z","level":"info","channel":"daemon","message":"..."}
//
// Times are UTC, in milliseconds; a worker's line bears the time its bytes were read.
// A prefixed line passes the worker's bytes as they are but for NUL, at which many tools end a
// line: U+FFFD. JSON is valid whatever the bytes: each maximal broken part of UTF-8 becomes U+FFFD,
// NUL
// \u0000. A line that is JSON itself stays a string: to embed it we would have to parse every line,
// and a worker could forge our fields. Own text keeps one line a message: what could forge a line
// or steer a terminal is shown as \n, \x1b.
//
// Plain functions and values: as thread-safe as std::string; nothing blocks or fails.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/log.h"
#include "daemon/line_framer.h"

namespace pilotfish::daemon {

using WallTime = std::chrono::system_clock::time_point;

// "2026-11-23T12:00:00.123Z". Years 0 to 9999.
void append_time(std::string& out, WallTime time);
// The text between quotes, escaped and repaired (see above).
void append_json_string(std::string& out, std::string_view text);

enum class LineStyle : std::uint8_t { raw, prefix, json };

// How the lines of one stream of one worker look. Owns its text.
class LineFormat {
  public:
    // worker: "web", "web@1"; stream: "stdout", "stderr".
    LineFormat(LineStyle style, std::string_view worker, std::string_view stream);

    LineStyle style() const { return style_; }
    // What all lines that were read at that time begin with, made once for them.
    std::string head(WallTime time) const;
    // Appends the line and its end. head: of this format.
    void append(std::string& out, const Line& line, std::string_view head) const;
    // Tells that lines of this stream are missing here. raw: as prefix.
    void append_loss(std::string& out, std::uint64_t lost, WallTime time,
                     std::string_view why = "the reader of this log is too slow") const;

  private:
    const LineStyle style_;
    std::string name_;  // prefix: "web"; json: all between the time and the text
};

enum class OwnStyle : std::uint8_t { text, coloured_text, json };

// Appends one of the daemon's own lines and its end.
void append_own_line(std::string& out, OwnStyle style, WallTime time, core::LogLevel level,
                     std::string_view channel, std::string_view message);

// True for a terminal whose user did not ask for plain text (NO_COLOR, TERM=dumb). Reads the
// environment: call it before there are threads that change it.
bool wants_colour(int descriptor);

}  // namespace pilotfish::daemon
