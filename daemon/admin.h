// What the admin plane shows, gathered from the supervisor, the limits and the runtime.
//
// Any thread (http calls from its own). Borrows what it shows; all of it outlives the server.
// Blocks: short locks and reads of /proc. Fails: never; what is not known is left out.
#pragma once

#include <chrono>

#include "daemon/container_limits.h"
#include "daemon/container_strain.h"
#include "daemon/current_configuration.h"
#include "daemon/event_log.h"
#include "daemon/memory_watch.h"
#include "daemon/oom_verdict.h"
#include "daemon/supervisor.h"
#include "http/sources.h"

namespace pilotfish::daemon {

class Admin final : public http::Sources {
  public:
    Admin(const CurrentConfiguration& configuration, const Supervisor& supervisor,
          ContainerLimits& limits, const ContainerStrain& strain, const OomWatch& oom,
          EventLog& events, const MemoryWatch& memory, http::Control& control);

    http::HealthView liveness() const override;
    http::HealthView readiness() const override;
    http::HealthView startup() const override;
    http::BuildView build() const override;
    http::RuntimeView runtime() const override;
    http::LimitsView limits() const override;
    http::UsageView usage() const override;
    std::vector<http::WorkerView> workers() const override;
    std::optional<http::WorkerView> worker(const std::string& name) const override;
    std::optional<http::LogAnswer> log_of(const std::string& worker) const override;
    http::EventFeed& events() const override { return events_; }
    http::Control* control() const override { return &control_; }
    std::unique_ptr<http::BodyStream> dump_tasks(http::TaskDump kind) const override;
    std::vector<std::string> command_line() const override;
    std::vector<http::Finding> diagnostics() const override;
    std::vector<http::SettingView> configuration() const override;

  private:
    http::WorkerView view_of(const Worker& worker) const;

    const CurrentConfiguration& configuration_;
    const Supervisor& supervisor_;
    ContainerLimits& limits_;
    const ContainerStrain& strain_;
    const OomWatch& oom_;
    EventLog& events_;
    const MemoryWatch& memory_;
    http::Control& control_;
    const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    const std::chrono::system_clock::time_point started_wall_ = std::chrono::system_clock::now();
    mutable std::atomic<bool> has_started_{false};  // startupz latches
};

}  // namespace pilotfish::daemon
