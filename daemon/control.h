// What the admin plane may change, carried out on the supervisor; each change is a line of the log
// and an event, with who asked for it.
//
// Any thread. Borrows supervisor and events, which outlive it. Blocks: reload as long as what was
// set for it does. Fails: as http/control.h says.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "config/signal_name.h"
#include "daemon/event_log.h"
#include "daemon/supervisor.h"
#include "http/control.h"

namespace pilotfish::daemon {

class Control final : public http::Control {
  public:
    using Reload = std::function<http::ControlAnswer(bool dry_run)>;
    using Upgrade = std::function<http::ControlAnswer()>;

    Control(Supervisor& supervisor, EventLog& events) : supervisor_(supervisor), events_(events) {}

    // Before the server starts. Without one the route says that this release cannot.
    void set_reload(Reload reload) { reload_ = std::move(reload); }
    void set_upgrade(Upgrade upgrade) { upgrade_ = std::move(upgrade); }

    http::ControlAnswer act(http::WorkerAction action, const std::string& name,
                            const std::string& signal, const std::string& who) override;
    http::ControlAnswer shut_down(const std::string& who) override;
    http::ControlAnswer upgrade(const std::string& who) override;
    http::ControlAnswer reload(bool dry_run, const std::string& who) override;

  private:
    std::string ask(Worker& worker, http::WorkerAction action, const config::Signal& signal);
    void note(const std::string& worker, const std::string& what, const std::string& who);

    Supervisor& supervisor_;
    EventLog& events_;
    Reload reload_;
    Upgrade upgrade_;
};

// A user who names `meant` means this worker: it is its name, or that of all its instances (web for
// web@1).
bool is_meant(std::string_view worker, std::string_view meant);

}  // namespace pilotfish::daemon
