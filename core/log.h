// The log as the libraries see it: a level, a channel (the folder's name), a line. Where lines go
// is the sink's matter; daemon/ installs one that never blocks. Without a sink, lines are dropped.
//
// Any thread. The sink is borrowed and must outlive every caller. Never blocks. Never fails.
#pragma once

#include <cstdint>
#include <string_view>

namespace pilotfish::core {

enum class LogLevel : std::uint8_t { debug, info, warn, error, off };

class LogSink {
  public:
    // Any thread, concurrently. Must not block and must not throw.
    virtual void write(LogLevel level, std::string_view channel,
                       std::string_view line) noexcept = 0;

  protected:
    ~LogSink() = default;
};

// nullptr takes the sink away; the caller makes sure that nobody is inside it any more.
void set_log_sink(LogSink* sink) noexcept;
void set_log_level(LogLevel level) noexcept;
LogLevel log_level() noexcept;

// True when a line of this level would be written: guard costly formatting with it.
bool log_enabled(LogLevel level) noexcept;
void log(LogLevel level, std::string_view channel, std::string_view line) noexcept;

}  // namespace pilotfish::core
