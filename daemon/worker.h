// One worker: a process or a hosted task that is started, watched, restarted by its policy and
// ended, over one life.
//
// live() is the life, a coroutine; everything else hands it messages or reads its status.
// Thread-safety: every public member, any thread, but live() once. Ownership: owns what it runs;
// borrows the context, which must outlive it. Blocks: nothing but the start of a process. Fails:
// never; what cannot be started is an end like any other, with code 125, 126 or 127.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "config/settings.h"
#include "core/channel.h"
#include "core/task.h"
#include "daemon/cron_timer.h"
#include "daemon/handover.h"
#include "daemon/health.h"
#include "daemon/restart_delay.h"
#include "daemon/restart_rate.h"
#include "daemon/signal_source.h"
#include "daemon/worker_context.h"
#include "daemon/worker_log.h"
#include "daemon/worker_run.h"
#include "daemon/worker_state.h"

namespace pilotfish::daemon {

struct WorkerStatus {
    WorkerState state = WorkerState::waiting;
    bool up = false;       // a run is there
    pid_t pid = -1;        // of the current run; -1: none, or a hosted task
    SteadyTime started{};  // of the current or last run
    std::uint64_t starts = 0;
    // By reason: name_of(EndReason), or what a restart was asked for.
    std::map<std::string, std::uint64_t> restarts;
    std::optional<ExitStatus> last_end;
    EndReason last_end_reason = EndReason::exited;  // meaningful with last_end
    std::string last_end_text;                      // "exited with code 3 after 1.2 s"
    std::optional<SteadyTime> next_try;  // in backoff; of a cron worker that waits: its next run
    std::uint64_t runs_skipped = 0;      // of a cron worker: times at which a run still went on
    std::uint64_t runs_missed = 0;       // and those that the clock passed over
    std::uint64_t ended_cpu_ns = 0;      // of the runs that have ended
    std::uint64_t left_behind = 0;       // hosted tasks that did not stop
    std::uint64_t log_lines = 0;
    std::uint64_t log_lines_lost = 0;
};

// Those of the configuration it came with, which they keep alive, or its own.
using SharedSettings = std::shared_ptr<const config::WorkerSettings>;

// Why a user's restart() is: it is obeyed also where the container's own would be needless.
inline constexpr std::string_view kAskedByUser = "asked";

// What others go by; cheap to ask for.
struct WorkerStanding {
    WorkerState state = WorkerState::waiting;
    bool waits_its_turn = false;  // state waiting, and not for its schedule
    bool has_started = false;     // ever
    bool was_stopped = false;     // it is over because it was asked to stop
    bool ended_well = false;      // meaningful when it is over
};

class Worker final : RunListener, HealthListener {
  public:
    Worker(SharedSettings settings, WorkerRole role, WorkerContext& context);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    core::Task<void> live();

    const config::WorkerSettings& settings() const { return settings_; }
    // It runs in this process, not as one of its own.
    bool is_hosted() const { return !settings_.plugin.empty(); }
    WorkerLog& log() { return log_; }
    WorkerStatus status() const;
    WorkerState state() const;
    WorkerStanding standing() const;
    // Its state says so, and nothing that it or its LIVENESS said since speaks against it.
    bool is_ready() const;
    // nullptr: nothing is asked of it.
    const HealthBoard* health() const { return health_.board(); }
    // Its last end was what its settings call a good one.
    bool ended_well() const;
    // The status a shell would give for its last end.
    int exit_code() const;

    // The directories of its child group, where its own use, limits and OOM kills are counted; also
    // after its end. Empty: it has none.
    std::vector<cgroup::GroupPlace> group_places() const { return run_->group_places(); }

    // An upgrade in place (daemon/worker_handover.cpp). Asks the life to come to a rest: a process
    // goes on without it, a hosted task is ended and its next start put off.
    void hold();
    // Nothing of the life moves, and nobody has sent it anything since.
    bool rests() const;
    // It stands still and somebody has sent it something since.
    bool has_news() const { return stands_.load(std::memory_order_acquire) && inbox_.size() > 0; }
    // Once for each hold().
    void let_go();
    // Nothing is read from its pipes and sockets. Requires: it rests; both on one thread.
    void hold_streams();
    void let_streams_go();
    // Requires: it rests, and its streams are held.
    void save(WorkerHandover& handover) const;
    // Goes on where the image before stood. has_changed: its settings are others now. Call from a
    // task, before live().
    void adopt(const WorkerHandover& handover, bool has_changed);

    // Before live(): it comes in the place of one that has ended, and its figures go on from there.
    // reason: as the restart is counted, "reload".
    void take_over(const WorkerStatus& before, const std::string& reason);
    // It is over and nobody will ask anything of it any more: live() ends.
    void leave() { inbox_.close(); }
    // Nothing of it uses this object any more; contexts of a plugin, which are never freed, always
    // do. Requires: it was left, and live() has ended.
    bool is_gone() const { return !is_hosted() && !log_.is_open(); }

    // Its turn has come: what it comes AFTER has started, what it NEEDS is ready.
    void release();
    // Its turn will not come: why as half a sentence, and the code that it fails with.
    void need_is_lost(std::string why, int code);
    // Sends the stop signal (or this one) and lets it end for good, until start().
    void stop(std::optional<ReceivedSignal> with = std::nullopt);
    // A user's wish. One that is over waits for its turn and begins with a clean slate of restarts;
    // one in back-off starts now, and a cron worker that waits for its time runs now. One that is
    // being stopped is started when that is done, one that is ending begins anew. Who runs, or
    // waits for its turn, is left alone.
    void start();
    // Asks it to end and starts it again at once, with what the container allows by then. reason:
    // as it is counted, "resize". This is no failure: no back-off, and its RESTART is not asked.
    // One that does not run, ends, or is asked already is left as it is: its next start, if there
    // is one, knows what the container allows. But of one that ends, kAskedByUser is a start().
    void restart(std::string reason);
    // A process and its group get SIGKILL; a hosted task is left behind. Requires: is_up(state()).
    void kill_now();
    // Somebody of ours is about to kill it, wherever it is: its end will be no riddle.
    void expect_kill() { killed_by_us_.store(true, std::memory_order_relaxed); }
    // Hands a signal on; before the process exists it is kept until it does. False: no process.
    bool forward(const ReceivedSignal& signal);

  private:
    struct Message {
        enum class Kind : std::uint8_t {
            released,
            need_lost,
            stop,
            start,
            restart,
            ready,
            ended,
            suspended,
            unhealthy,
            extend_stop,
            hold,
        } kind;
        std::optional<ReceivedSignal> signal{};
        RunEnd end{};           // also that of a need that is lost
        std::string reason{};   // of a restart
        std::uint64_t run = 0;  // that is to be restarted, by WorkerStatus::starts
        // Of ready, unhealthy and extend_stop.
        std::uint64_t health_run = 0;  // by run_number_; 0: the current one
        std::shared_ptr<const HealthTrouble> trouble{};
        SteadyTime until{};
    };

    void run_ready() override;
    void run_ended(RunEnd end) override;
    void run_suspended() override;

    void health_ready() override;
    void health_trouble(HealthTrouble trouble, std::vector<std::string> evidence) override;
    void health_extends_stop(SteadyTime until) override;
    void post_of_health(Message message);

    // From the inbox, standing still where it was asked to.
    core::Task<core::Received<Message>> next_message(std::optional<SteadyTime> deadline);
    core::Task<void> stand_still();

    // False: the inbox was closed, and nothing of this may be touched any more.
    core::Task<bool> go_on_after_upgrade();
    core::Task<bool> await_turn();
    core::Task<bool> watch();
    core::Task<bool> end_leftovers();
    core::Task<bool> back_off();
    core::Task<bool> rest();

    core::Task<void> find_cause(RunEnd& end);
    std::optional<SteadyTime> next_look() const;
    void begin_schedule();
    bool is_due();
    void note_skipped();
    void note_next_run(const Moment& now);
    void note_turn(bool waits);
    void clean_slate();
    bool ended_well_locked() const;

    void note_start();
    void note_end(const RunEnd& end, std::string text);
    void begin_stop(const std::optional<ReceivedSignal>& with);
    void begin_restart(const Message& message);
    void begin_end_of_unhealthy(const Message& message);
    bool is_of_this_run(const Message& message) const;
    void ask_to_stop(const ReceivedSignal& signal);
    bool take_wishes();  // false: as watch()
    void take_wish(const Message& message);
    void begin_anew_after_this();
    void begin_anew();
    void decide();
    void apply(WorkerEvent event);
    void send(Message::Kind kind);
    void say(core::LogLevel level, std::string_view line) const;

    const SharedSettings shared_settings_;
    const config::WorkerSettings& settings_;  // the same
    const WorkerRole role_;
    WorkerContext& context_;
    core::Channel<Message> inbox_;
    RestartDelay restart_delay_;
    RestartLimit restart_limit_;
    std::optional<CronTimer> timer_;  // of a cron worker
    WorkerLog log_;
    Health health_;
    const std::unique_ptr<WorkerRun> run_;

    // The life's own, touched by live() alone.
    bool released_ = false;
    bool stop_requested_ = false;
    bool start_requested_ = false;               // after the stop
    bool skip_told_ = false;                     // of this run
    bool has_room_ = false;                      // in the budget, for the try it waits for
    bool keeps_room_ = false;                    // since the image before
    std::optional<std::string> restart_reason_;  // the run is to end and another to follow
    std::optional<SteadyTime> stop_deadline_;
    std::shared_ptr<const HealthTrouble>
        trouble_;  // why the current run is ended, or the last one was

    // Of upgrades.
    bool holds_next_start_ = false;
    bool adopted_ = false;
    core::Channel<char> may_go_on_;  // one for each hold()
    std::atomic<bool> stands_{false};

    std::atomic<std::uint64_t> run_number_{0};  // of the current run, also while it is started
    std::atomic<bool> killed_by_us_{false};     // the current run was sent SIGKILL

    mutable std::mutex mutex_;
    WorkerStatus status_;
    bool waits_its_turn_ = true;
    bool has_started_ = false;
    bool was_stopped_ = false;
    bool limit_passed_ = false;
};

}  // namespace pilotfish::daemon
