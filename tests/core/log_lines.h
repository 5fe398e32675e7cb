// Collects what core logs while it lives.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/log.h"

namespace pilotfish::core {

class LogLines final : public LogSink {
  public:
    LogLines() { set_log_sink(this); }
    ~LogLines() { set_log_sink(nullptr); }
    void write(LogLevel, std::string_view, std::string_view line) noexcept override {
        std::lock_guard guard(lock_);
        lines_.emplace_back(line);
    }
    // Those that contain the part.
    std::vector<std::string> of(std::string_view part) {
        std::lock_guard guard(lock_);
        std::vector<std::string> found;
        for (const std::string& line : lines_) {
            if (line.find(part) != std::string::npos) found.push_back(line);
        }
        return found;
    }
    std::string text() {
        std::lock_guard guard(lock_);
        std::string all;
        for (const std::string& line : lines_) all.append(line).append("\n");
        return all;
    }

  private:
    std::mutex lock_;
    std::vector<std::string> lines_;
};

}  // namespace pilotfish::core
