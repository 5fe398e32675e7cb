#include "daemon/admin.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "config/field_text.h"
#include "config/resolved_settings.h"
#include "core/memory_limit.h"
#include "core/memory_room.h"
#include "core/runtime.h"
#include "core/stack_census.h"
#include "daemon/build.h"
#include "daemon/doctor.h"
#include "daemon/duration_text.h"
#include "daemon/health_view.h"
#include "daemon/process_usage.h"
#include "daemon/usage_view.h"

namespace pilotfish::daemon {
namespace {

using Clock = std::chrono::steady_clock;

double seconds(std::chrono::nanoseconds duration) {
    return std::chrono::duration<double>(duration).count();
}

// Its last word on its health, as far as the state tells.
http::Cause cause_of(const Worker& worker, bool ok) {
    const WorkerStatus status = worker.status();
    std::string detail{sentence_of(status.state)};
    if (const HealthBoard* const board = worker.health()) {
        const std::string words = health_words(*board);
        if (!words.empty()) detail += "; " + words;
    }
    if (!ok && !status.last_end_text.empty()) detail += "; last run: " + status.last_end_text;
    return {worker.settings().name, ok, detail};
}

http::WorkerView own_view_of(const Worker& worker, const OomWatch& oom) {
    const WorkerStatus status = worker.status();
    const Clock::time_point now = Clock::now();
    http::WorkerView view;
    view.name = worker.settings().name;
    view.kind = config::show_field(worker.settings().kind);
    view.hosted = worker.is_hosted();
    view.instance = worker.settings().instance;
    if (worker.settings().schedule) view.schedule = worker.settings().schedule->text;
    view.runs_skipped = status.runs_skipped;
    view.runs_missed = status.runs_missed;
    view.state = name_of(status.state);
    view.up = status.up;
    view.ready = worker.is_ready();
    if (worker.health() != nullptr) fill_health(view, *worker.health());
    view.critical = worker.settings().critical;
    view.starts = status.starts;
    view.left_behind = status.left_behind;
    view.oom_kills = oom.kills_of(view.name);
    for (const auto& [reason, count] : status.restarts) view.restarts.push_back({reason, count});
    if (status.last_end) {
        view.exit_code = status.last_end->shell_code();
        if (status.last_end->signal != 0) view.exit_signal = status.last_end->signal;
        view.exit_reason = name_of(status.last_end_reason);
        view.exit_text = status.last_end_text;
    }
    if (status.next_try) view.next_try_seconds = std::max(0.0, seconds(*status.next_try - now));
    view.cpu_seconds = static_cast<double>(status.ended_cpu_ns) / 1e9;
    view.log_lines = status.log_lines;
    view.log_lines_dropped = status.log_lines_lost;
    if (!view.up) return view;
    view.uptime_seconds = seconds(now - status.started);
    if (status.pid < 0) return view;
    view.pid = status.pid;
    if (const auto usage = usage_of(status.pid)) {
        view.cpu_seconds += static_cast<double>(usage->cpu_ns) / 1e9;
        view.resident_bytes = usage->resident_bytes;
        view.open_files = usage->open_files;
    }
    return view;
}

// A text that is there already, in pieces that a slow reader takes one by one.
class TextStream final : public http::BodyStream {
  public:
    explicit TextStream(std::string text) : text_(std::move(text)) {}
    Pull next(std::string& out) override {
        constexpr std::size_t kPieceBytes = 64 * 1024;
        out.append(text_, given_, kPieceBytes);
        given_ += kPieceBytes;
        return given_ < text_.size() ? Pull::more : Pull::end;
    }

  private:
    const std::string text_;
    std::size_t given_ = 0;
};

}  // namespace

Admin::Admin(const CurrentConfiguration& configuration, const Supervisor& supervisor,
             ContainerLimits& limits, const ContainerStrain& strain, const OomWatch& oom,
             EventLog& events, const MemoryWatch& memory, http::Control& control)
    : configuration_(configuration),
      supervisor_(supervisor),
      limits_(limits),
      strain_(strain),
      oom_(oom),
      events_(events),
      memory_(memory),
      control_(control) {}

http::HealthView Admin::liveness() const {
    const auto stall = runtime::scheduler_stall(Clock::now());
    const bool ok = stall < configuration_.get()->settings.livez_stall;
    http::HealthView view{
        ok, {{"scheduler", ok, ok ? "answers" : "has not answered for " + duration_text(stall)}}};
    for (const auto& worker : supervisor_.workers()) {
        if (!worker->settings().livez || worker->health() == nullptr) continue;
        if (worker->standing().was_stopped) continue;  // nobody wants it to live
        const bool alive = worker->health()->is_live() && worker->state() != WorkerState::failed;
        view.causes.push_back(cause_of(*worker, alive));
        view.ok = view.ok && alive;
    }
    return view;
}

http::HealthView Admin::readiness() const {
    http::HealthView view;
    const bool stopping = supervisor_.shutting_down();
    view.causes.push_back(
        {"shutdown", !stopping, stopping ? "the container is being stopped" : "not asked for"});
    for (const auto& worker : supervisor_.workers()) {
        // Oneshots and cron workers come and go; whoever needs one is held back by it.
        if (worker->settings().optional || worker->settings().kind != config::WorkerKind::service)
            continue;
        view.causes.push_back(cause_of(*worker, worker->is_ready()));
    }
    for (const http::Cause& cause : view.causes) view.ok = view.ok && cause.ok;
    return view;
}

http::HealthView Admin::startup() const {
    if (has_started_.load(std::memory_order_relaxed))
        return {true, {{"startup", true, "has started"}}};
    http::HealthView view = readiness();
    if (view.ok) has_started_.store(true, std::memory_order_relaxed);
    return view;
}

http::BuildView Admin::build() const { return build_view(); }

http::RuntimeView Admin::runtime() const {
    const runtime::RuntimeStats stats = runtime::stats(runtime::Detail::with_states);
    http::RuntimeView view;
    view.uptime_seconds = seconds(Clock::now() - started_);
    view.start_time_seconds = seconds(started_wall_.time_since_epoch());
    view.heartbeat_age_seconds = seconds(runtime::scheduler_stall(Clock::now()));
    view.tasks = stats.tasks;
    for (int state = 0; state < core::kTaskStates; ++state) {
        view.tasks_by_state.push_back(
            {std::string(core::to_string(static_cast<core::TaskState>(state))),
             stats.tasks_by_state[static_cast<std::size_t>(state)]});
    }
    view.tasks_spawned = stats.spawned_total;
    view.tasks_finished = stats.finished_total;
    view.maxprocs = stats.processors;
    view.processors_idle = stats.processors_idle;
    view.num_cpu = runtime::num_cpu();
    view.steals = stats.steals_total;
    view.parks = stats.parks_total;
    view.blocking_calls_now = static_cast<std::uint64_t>(stats.blocking_running);
    view.blocking_calls = stats.blocking_calls_total;
    // Bounds of 1 us, each four times the one before; the last bucket is open.
    double bound = 1e-6;
    for (int i = 0; i + 1 < runtime::kLatencyBuckets; ++i, bound *= 4)
        view.schedule_latency.upper_bounds.push_back(bound);
    view.schedule_latency.counts.assign(stats.schedule_latency.begin(),
                                        stats.schedule_latency.end());
    view.schedule_latency.sum = static_cast<double>(stats.schedule_latency_sum_ns) / 1e9;

    // glibc's allocator: what is in use, what it holds, what it got. Pages it gave back are no
    // longer in its sums, so released stays 0 until an allocator tells.
    const struct mallinfo2 heap = mallinfo2();
    view.memory.alloc_bytes = heap.uordblks + heap.hblkhd;
    view.memory.inuse_bytes = heap.uordblks + heap.hblkhd;
    view.memory.idle_bytes = heap.fordblks;
    view.memory.sys_bytes = heap.arena + heap.hblkhd;
    const runtime::ReclaimTotals reclaims = runtime::reclaim_totals();
    view.memory.reclaim_cycles = reclaims.cycles;
    view.memory.reclaim_pause_seconds = seconds(reclaims.time);
    view.memory.limit_bytes = runtime::memory_limit();
    view.memory.shrinks = reclaims.shrinks;
    view.memory.purges = reclaims.purges;
    const core::BrakeTotals brakes = core::brake_totals();
    view.memory.brakes = brakes.brakes;
    view.memory.held = brakes.held;
    if (const auto own = usage_of(getpid())) {
        view.threads = own->threads;
        view.memory.resident_bytes = own->resident_bytes;
    }
    return view;
}

http::LimitsView Admin::limits() const {
    const ContainerLimits::Snapshot now = limits_.snapshot();
    return {now.limits, now.derived};
}

http::UsageView Admin::usage() const {
    return usage_view(limits_.usage(), strain_.figures(), oom_.kills_below());
}

// With what the daemon as a whole knows of it.
http::WorkerView Admin::view_of(const Worker& worker) const {
    http::WorkerView view = own_view_of(worker, oom_);
    // Kept while it is looked at.
    const std::shared_ptr<const Budgets> budgets = limits_.budgets();
    const WorkerBudget* const budget = budgets->find(view.name);
    if (budget != nullptr && budget->soft) view.memory_budget_bytes = budget->soft->bytes;
    const MemoryWatch::Counts counts = memory_.counts(view.name);
    for (std::size_t kind = 0; kind < counts.size(); ++kind) {
        if (counts[kind] == 0) continue;
        view.memory_steps.push_back(
            {std::string(name_of(static_cast<GuardAction::Kind>(kind))), counts[kind]});
    }
    return view;
}

std::vector<http::WorkerView> Admin::workers() const {
    std::vector<http::WorkerView> views;
    for (const auto& worker : supervisor_.workers()) views.push_back(view_of(*worker));
    return views;
}

std::optional<http::WorkerView> Admin::worker(const std::string& name) const {
    const std::shared_ptr<Worker> known = supervisor_.workers().find(name);
    if (!known) return std::nullopt;
    return view_of(*known);
}

std::optional<http::LogAnswer> Admin::log_of(const std::string& name) const {
    for (const auto& worker : supervisor_.workers()) {
        if (worker->settings().name != name) continue;
        const WorkerLog& log = worker->log();
        return http::LogAnswer{log.ring(), log.ring() ? "" : log.why_no_ring()};
    }
    return std::nullopt;
}

std::unique_ptr<http::BodyStream> Admin::dump_tasks(http::TaskDump kind) const {
    return std::make_unique<TextStream>(kind == http::TaskDump::grouped ? core::grouped_stacks()
                                                                        : runtime::stack(true));
}

std::vector<http::SettingView> Admin::configuration() const {
    std::vector<http::SettingView> views;
    for (config::ResolvedSetting& setting : config::resolved_settings(*configuration_.get()))
        views.push_back({std::move(setting.variable), std::move(setting.worker),
                         std::move(setting.value), std::move(setting.source), setting.is_default});
    return views;
}

std::vector<http::Finding> Admin::diagnostics() const {
    return diagnostics_here(container_facts());
}

std::vector<std::string> Admin::command_line() const {
    // Secrets come by the environment only; our own arguments hold none.
    std::ifstream file("/proc/self/cmdline", std::ios::binary);
    std::vector<std::string> words;
    for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
    return words;
}

}  // namespace pilotfish::daemon
