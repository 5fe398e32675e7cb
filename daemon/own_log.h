// The daemon's own lines on stderr, from its first to the verdict.
//
// Thread-safety: say_last(), any thread; made and ended by one, while nobody else logs. Ownership:
// borrows the output. Blocks: never (daemon/output.h). Fails: never.
#pragma once

#include <string>

#include "config/settings.h"
#include "core/log.h"
#include "daemon/log_spdlog.h"
#include "daemon/output.h"

namespace pilotfish::daemon {

class OwnLog {
  public:
    OwnLog(Output& output, const config::Settings& settings);
    ~OwnLog();
    OwnLog(const OwnLog&) = delete;
    OwnLog& operator=(const OwnLog&) = delete;

    // Nothing comes after it, whatever is said beside it.
    void say_last(core::LogLevel level, const std::string& line);

  private:
    SpdlogSink sink_;
};

}  // namespace pilotfish::daemon
