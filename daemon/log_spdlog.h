// Where the daemon's own lines go: spdlog behind core's log sink, an Output behind spdlog.
//
// Any thread. Borrows the Output, which must outlive it; install it with core::set_log_sink and
// take it away before its end. spdlog is set up by the first line, not before. Never blocks: the
// Output never does, and spdlog's own registry, thread pool and files are not used. Never fails:
// what spdlog throws is counted as a lost line.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "core/log.h"
#include "daemon/log_format.h"
#include "daemon/output.h"

namespace pilotfish::daemon {

class SpdlogSink final : public core::LogSink {
  public:
    SpdlogSink(Output& output, OwnStyle style);
    ~SpdlogSink();
    SpdlogSink(const SpdlogSink&) = delete;
    SpdlogSink& operator=(const SpdlogSink&) = delete;

    void write(core::LogLevel level, std::string_view channel,
               std::string_view line) noexcept override;

    // The last line there is: whatever other threads still have to say is dropped.
    void write_last(core::LogLevel level, std::string_view channel, std::string_view line) noexcept;

    std::uint64_t lines() const { return source_.lines(); }
    std::uint64_t lost_lines() const {
        return source_.lost_lines() + failed_lines_.load(std::memory_order_relaxed);
    }

  private:
    class Logger;  // keeps spdlog out of this header

    Output& output_;
    const OwnStyle style_;
    OutputSource source_;
    std::atomic<std::uint64_t> failed_lines_{0};
    std::mutex mutex_;  // over a whole line, so that the last one is
    bool ended_ = false;
    std::unique_ptr<Logger> logger_;

    void write_line(core::LogLevel level, std::string_view channel, std::string_view line) noexcept;
};

}  // namespace pilotfish::daemon
