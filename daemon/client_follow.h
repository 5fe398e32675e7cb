// The client commands that read a stream: logs and events.
//
// As daemon/client.h says.
#pragma once

#include <string>
#include <string_view>

#include "config/command_line.h"
#include "daemon/client_target.h"

namespace pilotfish::daemon {

int show_events(const ClientTarget& target, const config::Invocation& invocation);
int show_logs(const ClientTarget& target, const config::Invocation& invocation);

// Cuts what has arrived into lines; what is left of the last one waits for its end.
class LineCutter {
  public:
    // Calls take(line), without its line break, for each line that has ended. False: take() was.
    template <class Take>
    bool feed(std::string_view bytes, Take take) {
        kept_ += bytes;
        std::size_t from = 0;
        for (std::size_t end = 0; (end = kept_.find('\n', from)) != kept_.npos; from = end + 1)
            if (!take(std::string_view(kept_).substr(from, end - from))) return false;
        kept_.erase(0, from);
        return true;
    }

  private:
    std::string kept_;
};

// One event of /v1/events as it is shown, from the fields of a server-sent event; empty: nothing.
std::string event_text(std::string_view name, std::string_view data, bool json);
// A line of the log answer as it is shown. prefix: "web | ", or empty. plain: for a terminal.
std::string log_text(std::string_view record, std::string_view prefix, bool for_terminal);

}  // namespace pilotfish::daemon
