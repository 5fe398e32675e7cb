// The order of a start is the point of this file: whatever decides what the worker is given
// (settings, limits, listeners that may be refused) comes before its exec, everything else after,
// beside it.
#include "daemon/container.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "config/load.h"
#include "core/blocking.h"
#include "core/log.h"
#include "core/runtime.h"
#include "daemon/admin.h"
#include "daemon/admin_listeners.h"
#include "daemon/build.h"
#include "daemon/commands.h"
#include "daemon/container_limits.h"
#include "daemon/container_parts.h"
#include "daemon/container_strain.h"
#include "daemon/control.h"
#include "daemon/control_socket.h"
#include "daemon/current_configuration.h"
#include "daemon/environment.h"
#include "daemon/exit_with.h"
#include "daemon/hints.h"
#include "daemon/load_configuration.h"
#include "daemon/memory_trace.h"
#include "daemon/memory_watch.h"
#include "daemon/oom_verdict.h"
#include "daemon/output.h"
#include "daemon/own_log.h"
#include "daemon/reactions.h"
#include "daemon/reload.h"
#include "daemon/standard_descriptors.h"
#include "daemon/supervisor.h"
#include "daemon/termination_log.h"
#include "daemon/upgrade.h"
#include "daemon/worker_group.h"
#include "http/server.h"

namespace pilotfish::daemon {
namespace {

void say(core::LogLevel level, const std::string& line) { core::log(level, "daemon", line); }

// A reader that has stopped reading must not hold up the end of the container.
constexpr std::chrono::milliseconds kFlushPatience{500};

class Container {
  public:
    Container(CurrentConfiguration::Shared first, const config::Invocation& invocation,
              const Start& start, bool entrypoint)
        : current_(std::move(first)),
          configuration_(current_.get()),
          handover_(start.handover),
          entrypoint_(entrypoint),
          starts_once_(entrypoint && !may_start_again(configuration_->workers.front().settings)),
          directory_(starts_once_ ? std::string() : leave_directory()),
          groups_(*configuration_),
          limits_(current_, events_),
          standard_error_(STDERR_FILENO),
          standard_output_(STDOUT_FILENO),
          one_output_(same_destination(STDOUT_FILENO, STDERR_FILENO)),
          log_(standard_error_, configuration_->settings),
          oom_(
              limits_.source(), [this] { return limits_.snapshot().limits; },
              [this](const std::string& worker, const std::string& text) {
                  say(core::LogLevel::warn, text);
                  events_.record("oom", worker, text);
              }),
          strain_(limits_, oom_, events_,
                  [this](std::chrono::steady_clock::time_point) { memory_watch_.pressure_told(); }),
          supervisor_({
              .current = current_,
              .reload = [this] { core::spawn(reload_by_signal(), {.name = "reload"}).detach(); },
              .entrypoint = entrypoint,
              .directory = directory_,
              .signals_at_start = start.signals,
              .oom = oom_,
              .standard_output = one_output_ ? standard_error_ : standard_output_,
              .standard_error = standard_error_,
              .events = events_,
              .hints =
                  [this](const config::WorkerSettings& worker,
                         const std::vector<std::string>& environment) {
                      return hints_for(worker, environment);
                  },
              .groups = groups_,
              .handover = start.handover,
              .upgrade_wanted = [this] { upgrade_.begin_beside(); },
              .upgrade_agreed = [this] { upgrade_.agreed(); },
              .jump = [this](Handover& handover) { return upgrade_.jump(handover); },
              .upgrade_failed = [this](const core::Error& why) { upgrade_.failed(why); },
              .after_first_start =
                  [this] {
                      went_on_ = std::chrono::steady_clock::now();
                      core::spawn(after_first_start(), {.name = "limits"}).detach();
                  },
              .before_long_start = [this] { core::spawn(serve(), {.name = "limits"}).detach(); },
          }),
          memory_trace_(standard_error_, configuration_->settings.debug.memtrace),
          memory_watch_({.configuration = current_,
                         .limits = limits_,
                         .supervisor = supervisor_,
                         .trace = memory_trace_,
                         .events = events_,
                         .group_memory =
                             [this](const Worker& worker) {
                                 return group_memory_of(worker, limits_.source());
                             }}),
          resize_reactions_(current_, supervisor_),
          control_(supervisor_, events_),
          exit_with_(configuration_->settings.exit_with.text,
                     [this](std::string by) { supervisor_.shut_down(std::move(by)); }),
          server_(std::make_shared<Admin>(current_, supervisor_, limits_, strain_, oom_, events_,
                                          memory_watch_, control_),
                  server_options(configuration_->settings)),
          reload_({.configuration = current_,
                   .events = events_,
                   // Its directory, its terminal and what it inherits are there for one start.
                   .rules = {.main_is_fixed = starts_once_},
                   .load = [&invocation] { return load_configuration(invocation); },
                   .shutting_down = [this] { return supervisor_.shutting_down(); },
                   .apply = [this](const config::Difference& difference,
                                   const config::Configuration& now) { apply(difference, now); }}),
          upgrade_({.origin = start.origin,
                    .signals = start.signals,
                    .supervisor = supervisor_,
                    .server = server_,
                    .events = events_,
                    .standard_output = standard_output_,
                    .standard_error = standard_error_,
                    .upgrades = start.handover == nullptr ? 0 : start.handover->upgrades}) {
        control_.set_reload([this](bool dry_run) { return answer_of(reload_.run(dry_run)); });
        control_.set_upgrade([this] { return answer_of_upgrade(upgrade_.begin()); });
        if (handover_ != nullptr) take_over();
        groups_.apply(limits_.snapshot().limits);
        groups_.when_made([this](const std::string& worker, const cgroup::ChildGroup& group) {
            const cgroup::GroupPlace* const memory = group.place_of("memory");
            if (memory != nullptr) oom_.add_group(worker, memory->directory, memory->version);
        });
        count_workers(*configuration_);
        groups_.when_gone([this](const std::string& worker) { oom_.remove_group(worker); });
    }

    int run() {
        become_subreaper(configuration_->settings);
        if (auto bound = bind_listeners(server_, *configuration_); !bound) {
            standard_error_.flush(kFlushPatience);
            return refuse(bound.error().message);
        }
        auto control = bind_control_socket(server_, *configuration_);
        if (!control) {
            standard_error_.flush(kFlushPatience);
            return refuse(control.error().message);
        }
        control_address_ = std::move(*control);
        core::RuntimeOptions options;
        const int processors = limits_.snapshot().derived.maxprocs;
        options.processors = handover_ == nullptr ? processors : 1;  // until the thread is kept
        // A short-lived command should not pay for it; a hosted task may hold its processor from
        // its first step on, and then somebody has to notice that the others need another one.
        options.watch = hosts_tasks() ? core::Watch::from_start : core::Watch::settled;
        // Nor may such tasks on all processors keep it from its signals and workers.
        if (hosts_tasks()) options.rescue_after = std::chrono::milliseconds(100);
        core::Runtime runtime(options);
        return runtime.run(supervise(processors));
    }

  private:
    bool hosts_tasks() const {
        const auto& workers = configuration_->workers;
        return std::any_of(workers.begin(), workers.end(),
                           [](const auto& worker) { return !worker.settings.plugin.empty(); });
    }

    void count_workers(const config::Configuration& configuration) {
        const auto& workers = configuration.workers;
        oom_.count_workers(static_cast<std::size_t>(
            std::count_if(workers.begin(), workers.end(),
                          [](const auto& worker) { return worker.settings.plugin.empty(); })));
    }

    core::Task<void> reload_by_signal() {
        auto run = [this] { return reload_.run(false).ok(); };
        co_await core::blocking(run);  // what there is to say of it was said
    }

    // What a reload changes, in the order in which one needs the other: a worker that comes is told
    // of its budget.
    void apply(const config::Difference& difference, const config::Configuration& now) {
        core::set_log_level(now.settings.log_level);
        limits_.reconfigure();
        count_workers(now);
        memory_watch_.reconfigure();
        supervisor_.change_workers(worker_changes(difference, now));
    }

    // Before the listeners are bound.
    void take_over() {
        events_.adopt(*handover_);
        standard_output_.preload(handover_->unwritten_out);
        standard_error_.preload(handover_->unwritten_err);
        server_.inherit(listeners_of(*handover_));
    }

    core::Task<int> supervise(int processors) {
        if (handover_ != nullptr) {
            co_await supervisor_.keep_first_thread();
            runtime::max_procs(processors);
        }
        verdict_ = co_await supervisor_.run();
        introduce();  // before whatever there is to say of it
        const std::string kills = oom_.finish(std::chrono::steady_clock::now());
        if (verdict_.code != 0 && !kills.empty()) verdict_.sentence += "; " + kills;
        leave();
        co_return verdict_.code;
    }

    // The end of the process, on whatever thread this is, with everything else still running:
    // nothing has to be taken down in order that the kernel takes away at once. A socket's name in
    // a file system is the one thing that would stay.
    [[noreturn]] void leave() {
        introduce();
        write_termination_message();  // before what may take long
        groups_.end();
        end_logs();  // before the verdict: what goes wrong there is told
        tell_verdict();
        standard_output_.flush(kFlushPatience);
        standard_error_.flush(kFlushPatience);
        const std::lock_guard lock(server_mutex_);
        server_stopped_ = true;
        server_.remove_socket_files();
        _exit(verdict_.code);
    }

    // Files have all that was read, and who follows has the last line.
    void end_logs() {
        using Clock = std::chrono::steady_clock;
        const auto end = Clock::now() + kFlushPatience;
        const auto& workers = supervisor_.workers();
        for (const auto& worker : workers) worker->log().end();
        for (const auto& worker : workers) worker->log().flush(end - Clock::now());
        const auto is_followed = [](const auto& worker) {
            const auto& ring = worker->log().ring();
            return ring && ring->followers() > 0;
        };
        while (Clock::now() < end && std::any_of(workers.begin(), workers.end(), is_followed))
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }

    // The worker runs, or nobody is to: what only its start needed is let go of.
    core::Task<void> after_first_start() {
        // In `run` mode nobody is handed what we inherited; the entrypoint's command has it now.
        if (!entrypoint_ || starts_once_) close_inherited_descriptors();
        if (starts_once_) leave_directory();
        co_await serve();
    }

    // Once: the admin plane, the log lines and the following of the limits.
    core::Task<void> serve() {
        if (serves_.exchange(true)) co_return;
        oom_.begin(std::chrono::steady_clock::now());
        start_server();
        introduce();
        limits_.add_listener(groups_);
        limits_.add_listener(strain_);
        limits_.trace_to(&memory_trace_);
        limits_.add_listener(resize_reactions_);
        limits_.add_listener(memory_watch_);
        // Also where nobody needs them yet: a reload may want them, and they sleep till then.
        core::spawn(resize_reactions_.run(), {.name = "resize"}).detach();
        core::spawn(memory_watch_.run(), {.name = "memory"}).detach();
        if (exit_with_.is_wanted()) core::spawn(exit_with_.run(), {.name = "exit with"}).detach();
        co_await limits_.follow();
    }

    // Once, also when the container is over before anybody came to it.
    void introduce() {
        const std::lock_guard lock(introduction_mutex_);
        if (std::exchange(introduced_, true)) return;
        say(core::LogLevel::info, "pilotfish " + build_view().version + ": " + limits_.summary());
        groups_.speak();
        if (handover_ != nullptr) Upgrade::greet(*handover_, went_on_, events_);
        for (const std::string& warning : configuration_->warnings)
            say(core::LogLevel::warn, warning);
        for (const std::string& warning : limits_.snapshot().limits.warnings)
            core::log(core::LogLevel::warn, "cgroup", warning);
        for (const std::string& warning : limits_.snapshot().budgets->warnings)
            say(core::LogLevel::warn, warning);
    }

    void start_server() {
        const std::lock_guard lock(server_mutex_);
        if (server_stopped_) return;
        if (auto started = server_.start(); !started) {
            say(core::LogLevel::error, started.error().message);
            return;
        }
        if (!core::log_enabled(core::LogLevel::debug)) return;
        for (const http::BoundListener& listener : server_.listeners())
            core::log(core::LogLevel::debug, "http", "listening on " + listener.address);
    }

    std::vector<Hint> hints_for(const config::WorkerSettings& worker,
                                const std::vector<std::string>& environment) {
        const ContainerLimits::Snapshot now = limits_.snapshot();
        const CurrentConfiguration::Shared configuration = current_.get();
        std::vector<Hint> hints = worker_hints(*configuration, worker,
                                               {.environment = environment,
                                                .limits = now.limits,
                                                .budgets = *now.budgets,
                                                .directory = directory_,
                                                .own_group = groups_.own_group_of(worker)})
                                      .hints;
        // Where the client commands find us; what the user wrote for the worker stays.
        constexpr const char* kAddress = "PILOTFISH_CONTROL_SOCKET";
        if (!control_address_.empty() && find_variable(environment, kAddress) == nullptr)
            hints.push_back({.name = kAddress, .value = control_address_, .reason = {}});
        return hints;
    }

    // The last line of the log, whatever else has just been said beside it.
    void tell_verdict() {
        memory_trace_.end();
        log_.say_last(
            verdict_.code == 0 || verdict_.asked_for ? core::LogLevel::info : core::LogLevel::warn,
            verdict_.sentence);
    }

    void write_termination_message() {
        TerminationLog target;
        const CurrentConfiguration::Shared now = current_.get();
        target.path = now->settings.termination_log.path;
        target.configured = now->is_set("TERMINATION_LOG");
        if (target.path.empty()) return;
        const auto written = write_termination_log(target, verdict_.sentence);
        if (!written) say(core::LogLevel::warn, written.error().message);
    }

    CurrentConfiguration current_;
    const CurrentConfiguration::Shared configuration_;  // as it was at the start
    const Handover* const handover_;                    // of the image before; null: none
    std::chrono::steady_clock::time_point went_on_{};   // after an upgrade
    const bool entrypoint_;
    const bool starts_once_;       // what only its first start needs can be let go of after that
    const std::string directory_;  // of workers that may start again
    EventLog events_;
    WorkerGroups groups_;  // before the limits: to make groups, this process moves
    ContainerLimits limits_;
    Output standard_error_;
    Output standard_output_;
    const bool one_output_;  // 2>&1: lines of both stay whole only if one Output writes them
    OwnLog log_;
    OomWatch oom_;
    ContainerStrain strain_;
    Supervisor supervisor_;
    MemoryTrace memory_trace_;
    MemoryWatch memory_watch_;
    ResizeReactions resize_reactions_;
    Control control_;
    std::string control_address_;  // set before the first worker starts
    ExitWith exit_with_;
    http::Server server_;
    Reload reload_;
    Upgrade upgrade_;
    std::mutex server_mutex_;  // over start and stop
    bool server_stopped_ = false;
    std::mutex introduction_mutex_;
    bool introduced_ = false;
    std::atomic<bool> serves_{false};
    Verdict verdict_{125, "the daemon ended before its workers", false};
};

}  // namespace

int run_container(const config::Invocation& invocation, const Start& start) {
    auto configuration = load_configuration(invocation);
    if (!configuration) return refuse(configuration.error().message);
    Container container(std::make_shared<const config::Configuration>(std::move(*configuration)),
                        invocation, start, invocation.action == config::Action::entrypoint);
    return container.run();
}

}  // namespace pilotfish::daemon
