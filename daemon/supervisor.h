// All workers of a container, from the first start to the last descendant's end, and the verdict.
//
// run() is the whole of it, a coroutine; other members are for the admin plane.
// Thread-safety: const members, any thread; run() once. Ownership: owns the workers; borrows the
// rest, which must outlive run(). Fails: never; what goes wrong is in the verdict.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "config/load.h"
#include "core/async_fd.h"
#include "core/channel.h"
#include "core/task.h"
#include "daemon/current_configuration.h"
#include "daemon/descendants.h"
#include "daemon/event_log.h"
#include "daemon/handover.h"
#include "daemon/process_table.h"
#include "daemon/restart_rate.h"
#include "daemon/rightsize.h"
#include "daemon/shutdown.h"
#include "daemon/signal_source.h"
#include "daemon/start_order.h"
#include "daemon/verdict.h"
#include "daemon/worker.h"
#include "daemon/worker_changes.h"
#include "daemon/worker_list.h"

namespace pilotfish::daemon {

struct SupervisorParts {
    const CurrentConfiguration& current;  // for what a reload may change
    // A reload has asked for itself by SIGHUP; must not block.
    std::function<void()> reload;
    bool entrypoint = false;  // one worker, main, whose status is ours; else `run`
    std::string directory;    // of workers without a CWD setting; empty: ours
    const SignalsAtStart& signals_at_start;
    OomWatch& oom;
    Output& standard_output;
    Output& standard_error;
    EventLog& events;
    // Name and value of each hint for a worker (daemon/rightsize.h); called before each of its
    // starts.
    std::function<std::vector<Hint>(const config::WorkerSettings&,
                                    const std::vector<std::string>& environment)>
        hints;
    // The groups of workers; borrowed.
    WorkerGroups& groups;
    // Where the image of this process before stood; borrowed, read by run() alone. Null: a start
    // like any other.
    const Handover* handover = nullptr;
    // An upgrade in place (daemon/upgrade.h): asked for by a signal; nothing stands in its way;
    // with all at rest, on the thread that children are made on: returns only when it failed; it
    // came to nothing, and all goes on.
    std::function<void()> upgrade_wanted = {};
    std::function<void()> upgrade_agreed = {};
    std::function<core::Error(Handover&)> jump = {};
    std::function<void(const core::Error&)> upgrade_failed = {};
    // The first exec is done, or there is nobody to start: now whatever can wait may begin.
    std::function<void()> after_first_start;
    // The first exec may be long in coming, as it waits for a PRE_START: called before it, so that
    // somebody answers meanwhile. What that exec needs must stay as it is.
    std::function<void()> before_long_start;
};

// False: what only its first start needs can be let go of after that.
inline bool may_start_again(const config::WorkerSettings& settings) {
    return settings.restart != config::RestartPolicy::never ||
           settings.on_resize.kind == config::Reaction::Kind::restart ||
           settings.kind == config::WorkerKind::cron;
}

class Supervisor final : WorkerContext {
  public:
    explicit Supervisor(SupervisorParts parts);
    ~Supervisor();

    core::Task<Verdict> run();

    // As they are now; a reload makes another list.
    WorkerList workers() const;
    // As SIGTERM does in `run` mode: all workers in order, then we. by: as the verdict says it, "a
    // client". Any thread; asked again, it tells whoever still runs once more.
    void shut_down(std::string by);
    // After a reload; any thread, and the list is another one when they have come and gone.
    void change_workers(WorkerChanges changes);
    // Why it cannot be started another time, as half a sentence; empty: it can. Any thread.
    std::string why_only_once(const config::WorkerSettings& settings) const;

    // Brings all workers to a rest and jumps, with a word of upgrade_agreed() or upgrade_failed().
    // Any thread.
    void hand_over();
    // After an upgrade the children of the image before are the first thread's: new ones are to be
    // made there, too, or the next upgrade would end it. Requires: no other thread runs tasks yet.
    core::Task<void> keep_first_thread();
    // The workers as somebody would find them who looks now, for a trial. Any thread.
    Handover outline() const;
    ProcessTable& process_table() { return processes_; }

    bool shutting_down() const { return shutting_down_.load(std::memory_order_acquire); }
    std::uint64_t orphans_reaped() const { return processes_.orphans_reaped(); }

  private:
    struct Event {
        enum class Kind : std::uint8_t {
            worker_changed,
            stop,
            log_stream_closed,
            workers_change,
            hand_over,
        } kind;
        Worker* worker = nullptr;  // may have left and be gone by now: look it up in places_
        std::optional<ReceivedSignal> signal{};
        std::string by{};  // of a stop without a signal: who asked
    };

    ProcessTable& processes() override { return processes_; }
    OomWatch& oom() override { return parts_.oom; }
    Output& standard_output() override { return parts_.standard_output; }
    Output& standard_error() override { return parts_.standard_error; }
    const SignalsAtStart& signals_at_start() const override { return parts_.signals_at_start; }
    std::vector<std::string> environment_for(const config::WorkerSettings& settings,
                                             const OwnVariables& own) override;
    SharedGroup group_for(const config::WorkerSettings& settings) override {
        return parts_.groups.ready(settings);
    }
    SharedGroup group_instead(const config::WorkerSettings& settings, const core::Error& failure,
                              bool first) override {
        return parts_.groups.instead(settings, failure, first);
    }
    void worker_changed(Worker& worker) override;
    SteadyTime reserve_restart(SteadyTime now) override;
    void worker_event(std::string_view kind, const std::string& worker, std::string text,
                      EventLog::Fields fields) override {
        parts_.events.record(kind, worker, std::move(text), std::move(fields));
    }
    void log_stream_opened() override;
    void log_stream_closed() override;

    void make_workers();
    WorkerRole role_of(const config::WorkerSettings& settings);
    std::shared_ptr<Worker> make_worker(SharedSettings settings);
    void publish(WorkerList workers);
    // supervisor_reload.cpp:
    void take_changes();
    void take(WorkerChanges changes);
    void give_another_turn();
    void arrange(const WorkerList::Workers& workers);
    bool leaves(const Worker& worker) const;
    bool is_succeeded(const Worker& worker) const;
    static void begin_life(const std::shared_ptr<Worker>& worker);
    void ask_to_leave();
    bool succeed(Worker& worker);
    std::shared_ptr<Worker> take_its_leave(const std::shared_ptr<Worker>& worker);

    core::Task<void> read_signals(core::AsyncFd signals);
    void take_signal(const ReceivedSignal& signal);
    void take_own_signal(const ReceivedSignal& signal);

    void record(const std::string& worker, const WorkerStatus& status);
    void dump_tasks();
    void handle(const Event& event);
    void note(Worker& worker);
    void worker_is_over(Worker& worker, bool was_stopped);
    void worker_is_back(Worker& worker);
    void start_next_workers();
    void begin_shutdown(const std::optional<ReceivedSignal>& signal, std::string reason);
    void shutdown_deadline_passed();
    void stop_next_workers();
    std::optional<ReceivedSignal> signal_for(const Worker& worker,
                                             const std::optional<ReceivedSignal>& received) const;
    void tell_descendants();
    int kill_everybody();
    void give_up_loading();
    bool was_asked(const Worker& worker) const { return asked_.contains(&worker); }
    void ask(Worker& worker, const std::optional<ReceivedSignal>& with = std::nullopt);
    bool all_over() const;
    // The order of the workers as they are now, and where each stands.
    void take_order();
    core::Task<void> drain_descendants();
    core::Task<void> finish_logs();
    Verdict judge() const;

    // supervisor_handover.cpp:
    core::Task<void> carry_out_upgrade();
    core::Task<std::optional<core::Error>> prepare_upgrade();
    core::Task<std::optional<core::Error>> bring_to_rest(bool hosted, SteadyTime deadline);
    std::optional<core::Error> jump_from_rest(SteadyTime paused);
    std::optional<core::Error> try_jump(Handover& handover);
    std::optional<core::Error> why_no_upgrade() const;
    void let_go_on(bool hosted);
    void hold_signals(bool held);
    bool all_rest() const;
    // supervisor_take_over.cpp:
    void save(Handover& handover) const;
    void take_over(const Handover& handover);
    void take_over_worker(const WorkerHandover& from,
                          const std::map<std::string, std::string>& now);
    void take_over_order(const Handover& handover);
    void end_helpers(const Handover& handover);
    Worker& stand_in_for(const WorkerHandover& stranger);
    void take_terminal(WorkerRole& role, const std::string& name);

    SupervisorParts parts_;
    OutputSource dump_source_;
    ProcessTable processes_;
    WorkerList workers_;  // the coroutine's own; for all others: workers()
    core::Channel<Event> events_;
    bool own_signals_ = false;

    // The coroutine's own.
    std::optional<Shutdown> shutdown_;
    std::optional<ReceivedSignal> stop_signal_;
    std::string stop_reason_;      // "SIGTERM", "db ended, which is critical"
    bool stop_was_asked_ = false;  // from outside, not by a critical worker
    std::optional<int> forced_code_;
    std::vector<Descendant> told_;                           // by tell_descendants(), once each
    std::unordered_map<const Worker*, std::size_t> places_;  // in workers_
    StartOrder order_;
    std::vector<const Worker*> over_;               // in the order they ended
    std::unordered_set<const Worker*> known_over_;  // the same
    std::unordered_set<const Worker*> withdrawn_;   // of them: stopped by a user, may come back
    std::unordered_set<const Worker*> asked_;       // to stop, by us
    const Worker* ended_critical_ = nullptr;
    std::optional<Terminal> terminal_;  // once somebody was given it
    std::string terminal_of_;

    // Of reloads. By the name of who is leaving: who takes its place; nullopt: nobody.
    std::map<std::string, std::optional<config::WorkerSettings>> successors_;
    std::unordered_map<std::string, std::size_t> listing_;  // the place of each name
    // Of who failed as a need was lost: the need's name.
    std::unordered_map<const Worker*, std::string> in_vain_;
    // Who has left: pipes that its processes left open, and tasks of a plugin, still use it.
    WorkerList::Workers departed_;
    std::mutex changes_mutex_;
    std::vector<WorkerChanges> changes_;

    mutable std::mutex published_mutex_;
    WorkerList published_;
    mutable std::mutex budget_mutex_;
    RestartBudget restart_budget_;

    std::vector<std::shared_ptr<Worker>> held_;  // for an upgrade
    std::mutex signals_mutex_;                   // over the handling of what was read at once
    std::atomic<bool> signals_held_{false};

    std::atomic<bool> shutting_down_{false};
    std::atomic<bool> first_start_done_{false};
    std::atomic<int> open_log_streams_{0};
};

}  // namespace pilotfish::daemon
