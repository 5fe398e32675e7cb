#include "daemon/log_spdlog.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>

#include <string>
#include <utility>

namespace pilotfish::daemon {
namespace {

std::string_view view(spdlog::string_view_t text) { return {text.data(), text.size()}; }

spdlog::level::level_enum to_spdlog(core::LogLevel level) {
    switch (level) {
        case core::LogLevel::debug: return spdlog::level::debug;
        case core::LogLevel::info: return spdlog::level::info;
        case core::LogLevel::warn: return spdlog::level::warn;
        case core::LogLevel::error: return spdlog::level::err;
        case core::LogLevel::off: break;
    }
    return spdlog::level::off;
}

core::LogLevel from_spdlog(spdlog::level::level_enum level) {
    switch (level) {
        case spdlog::level::trace:
        case spdlog::level::debug: return core::LogLevel::debug;
        case spdlog::level::info: return core::LogLevel::info;
        case spdlog::level::warn: return core::LogLevel::warn;
        default: return core::LogLevel::error;
    }
}

void append_loss(const void* style, std::uint64_t lost, std::string& out) {
    append_own_line(out, *static_cast<const OwnStyle*>(style), std::chrono::system_clock::now(),
                    core::LogLevel::warn, "daemon",
                    std::to_string(lost) + (lost == 1 ? " line" : " lines") +
                        " of this log lost: its reader is too slow");
}

// spdlog's own sinks write with stdio, under a lock, and wait for the reader. This one hands over.
class OutputSink final : public spdlog::sinks::sink {
  public:
    OutputSink(Output& output, OutputSource& source, OwnStyle style)
        : output_(output), source_(source), style_(style) {}

    void log(const spdlog::details::log_msg& message) override {
        std::string line;
        append_own_line(line, style_, message.time, from_spdlog(message.level),
                        view(message.logger_name), view(message.payload));
        output_.write(source_, line);
    }
    void flush() override {}  // Output::flush() is the owner's matter
    // The contract fixes the format; a pattern would let it drift.
    void set_pattern(const std::string&) override {}
    void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

  private:
    Output& output_;
    OutputSource& source_;
    const OwnStyle style_;
};

}  // namespace

// spdlog names a logger once; our name, the channel, changes with each line.
class SpdlogSink::Logger final : public spdlog::logger {
  public:
    Logger(std::shared_ptr<spdlog::sinks::sink> sink, std::atomic<std::uint64_t>& failed_lines)
        : spdlog::logger("pilotfish", std::move(sink)) {
        set_level(spdlog::level::trace);  // core::log has filtered already
        // The default handler prints to stderr and may block there.
        set_error_handler([&failed_lines](const std::string&) {
            failed_lines.fetch_add(1, std::memory_order_relaxed);
        });
    }

    void log_line(core::LogLevel level, std::string_view channel, std::string_view line) {
        const spdlog::details::log_msg message(
            spdlog::string_view_t(channel.data(), channel.size()), to_spdlog(level),
            spdlog::string_view_t(line.data(), line.size()));
        log_it_(message, true, false);
    }
};

SpdlogSink::SpdlogSink(Output& output, OwnStyle style)
    : output_(output),
      style_(style),
      source_(output, append_loss, &style_, OutputSource::Rank::own) {}

SpdlogSink::~SpdlogSink() = default;

void SpdlogSink::write(core::LogLevel level, std::string_view channel,
                       std::string_view line) noexcept {
    const std::lock_guard lock(mutex_);
    if (!ended_) write_line(level, channel, line);
}

void SpdlogSink::write_last(core::LogLevel level, std::string_view channel,
                            std::string_view line) noexcept {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    write_line(level, channel, line);
}

// Requires: the lock.
void SpdlogSink::write_line(core::LogLevel level, std::string_view channel,
                            std::string_view line) noexcept {
    try {
        if (!logger_) {
            logger_ = std::make_unique<Logger>(
                std::make_shared<OutputSink>(output_, source_, style_), failed_lines_);
        }
        logger_->log_line(level, channel, line);
    } catch (...) {
        failed_lines_.fetch_add(1, std::memory_order_relaxed);
    }
}

}  // namespace pilotfish::daemon
