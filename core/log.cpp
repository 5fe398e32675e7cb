#include "core/log.h"

#include <atomic>

namespace pilotfish::core {
namespace {

std::atomic<LogSink*> current_sink{nullptr};
std::atomic<LogLevel> current_level{LogLevel::info};

}  // namespace

void set_log_sink(LogSink* sink) noexcept { current_sink.store(sink, std::memory_order_release); }
void set_log_level(LogLevel level) noexcept {
    current_level.store(level, std::memory_order_relaxed);
}
LogLevel log_level() noexcept { return current_level.load(std::memory_order_relaxed); }

bool log_enabled(LogLevel level) noexcept {
    return level >= log_level() && current_sink.load(std::memory_order_relaxed) != nullptr;
}

void log(LogLevel level, std::string_view channel, std::string_view line) noexcept {
    if (level < log_level()) return;
    if (LogSink* sink = current_sink.load(std::memory_order_acquire))
        sink->write(level, channel, line);
}

}  // namespace pilotfish::core
