// Sources with canned values for the tests of http/, and a gate that makes a source stick.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "http/sources.h"

namespace pilotfish::tests {

// A source function that waits here until the test opens the gate.
class Gate {
  public:
    void shut() {
        const std::lock_guard lock(mutex_);
        open_ = false;
    }
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    void pass() {
        std::unique_lock lock(mutex_);
        ++waiting_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return open_; });
        --waiting_;
        changed_.notify_all();
    }
    // Returns once that many threads stand before the gate.
    void await_waiting(int count) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return waiting_ == count; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = true;
    int waiting_ = 0;
};

// Pieces of text, given one a call.
class CannedStream final : public http::BodyStream {
  public:
    explicit CannedStream(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}
    Pull next(std::string& out) override {
        if (at_ < pieces_.size()) out += pieces_[at_++];
        return at_ == pieces_.size() ? Pull::end : Pull::more;
    }

  private:
    std::vector<std::string> pieces_;
    std::size_t at_ = 0;
};

inline http::WorkerView canned_worker(const std::string& name) {
    http::WorkerView worker;
    worker.name = name;
    worker.kind = "cron";
    worker.schedule = "@hourly";
    worker.runs_skipped = 1;
    worker.state = "running";
    worker.up = true;
    worker.ready = true;
    worker.pid = 4711;
    worker.uptime_seconds = 12.5;
    worker.starts = 3;
    worker.restarts = {{"exit", 1}, {"liveness", 1}};
    worker.exit_code = 137;
    worker.exit_signal = 9;
    worker.exit_reason = "oom";
    worker.exit_text = "was killed by the kernel: out of memory";
    worker.oom_kills = 2;
    worker.health = "ok";
    worker.cpu_seconds = 1.25;
    worker.resident_bytes = 4096;
    worker.memory_budget_bytes = 8192;
    worker.memory_steps = {{"restart", 1}};
    http::HealthCheckView check;
    check.check = "liveness";
    check.detail = "answered 503";
    check.failures = 4;
    worker.checks.push_back(std::move(check));
    worker.open_files = 7;
    worker.log_lines = 100;
    worker.log_lines_dropped = 2;
    return worker;
}

// Events that a test adds by hand.
class CannedFeed final : public http::EventFeed {
  public:
    void add(http::EventView event) {
        std::shared_ptr<std::function<void()>> awake;
        {
            const std::lock_guard lock(mutex_);
            event.id = events_.size() + 1;
            events_.push_back(std::move(event));
            awake = waker_.lock();
        }
        if (awake) (*awake)();
    }
    Batch after(std::uint64_t id, std::size_t most) const override {
        const std::lock_guard lock(mutex_);
        Batch batch;
        batch.missed = missed;
        for (; id < events_.size() && batch.events.size() < most; ++id)
            batch.events.push_back(events_[id]);
        batch.last = id;
        return batch;
    }
    std::shared_ptr<const void> subscribe(std::function<void()> waker) override {
        auto kept = std::make_shared<std::function<void()>>(std::move(waker));
        const std::lock_guard lock(mutex_);
        waker_ = kept;
        return kept;
    }
    std::uint64_t missed = 0;

  private:
    mutable std::mutex mutex_;
    std::vector<http::EventView> events_;
    std::weak_ptr<std::function<void()>> waker_;
};

class CannedSources : public http::Sources {
  public:
    mutable CannedFeed feed;
    std::map<std::string, http::LogAnswer> logs;
    mutable Gate runtime_gate;
    std::atomic<bool> alive{true};
    http::Control* control_here = nullptr;
    mutable std::mutex workers_mutex;  // over worker_list, where a test changes it meanwhile
    std::vector<http::WorkerView> worker_list{canned_worker("web"), canned_worker("db@1")};
    std::vector<std::string> dump_pieces{"goroutine 1 [running]:\n", "main\n"};
    std::size_t dump_repeats = 1;
    // When set, makes the body of every dump.
    std::function<std::unique_ptr<http::BodyStream>()> make_dump;

    http::HealthView liveness() const override {
        return {alive.load(), {{"heartbeat", alive.load(), alive ? "12 ms old" : "31 s old"}}};
    }
    http::HealthView readiness() const override {
        return {false, {{"web", true, ""}, {"db", false, "not ready"}}};
    }
    http::HealthView startup() const override { return {true, {{"workers", true, ""}}}; }
    http::BuildView build() const override { return {"0.1.0", "gcc 12", "x86_64-linux-gnu", ""}; }
    http::RuntimeView runtime() const override {
        runtime_gate.pass();
        http::RuntimeView view;
        view.uptime_seconds = 3.5;
        view.tasks = 3;
        view.tasks_by_state = {{"running", 1}, {"waiting", 2}};
        view.tasks_spawned = 10;
        view.tasks_finished = 7;
        view.maxprocs = 2;
        view.num_cpu = 8;
        view.threads = 5;
        view.schedule_latency = {{0.001, 0.01}, {5, 3, 1}, 0.5};
        view.memory.alloc_bytes = 1000;
        view.memory.limit_bytes = 2000;
        view.memory.reclaim_cycles = 4;
        return view;
    }
    http::LimitsView limits() const override {
        http::LimitsView view;
        view.limits.cpu.state = core::LimitState::limited;
        view.limits.cpu.cpus = 1.5;
        view.limits.cpu.version = 2;
        view.limits.cpu.source = "/sys/fs/cgroup/cpu.max";
        view.limits.cpu.affinity = 8;
        view.limits.cpu.online = 8;
        view.limits.memory.state = core::LimitState::limited;
        view.limits.memory.limit_bytes = 268435456;
        view.limits.memory.version = 2;
        view.limits.memory.source = "/sys/fs/cgroup/memory.max";
        view.derived.maxprocs = 2;
        view.derived.soft_limit_bytes = 241591910;
        return view;
    }
    http::UsageView usage() const override {
        http::UsageView view;
        view.cpu_seconds = 2.5;
        view.cpu_periods = 100;
        view.cpu_throttled_periods = 5;
        view.cpu_throttled_seconds = 0.25;
        view.memory_usage_bytes = 1 << 20;
        view.memory_working_set_bytes = 1 << 19;
        view.memory_oom_kills = 1;
        view.cpu_throttled_ratio = 0.05;
        view.cpu_burst_periods = 3;
        view.cpu_burst_seconds = 0.125;
        view.memory_peak_bytes = 3 << 20;
        view.memory_swap_bytes = 8192;
        view.memory_events = {{"high", 4}, {"max", 35}};
        view.memory_pressure_events = 6;
        view.headroom = {0.75, 1 << 18, 1 << 20, "/sys/fs/cgroup/pod/memory.max", false};
        view.pids = 9;
        view.pids_limit = 100;
        view.pressure = {{"cpu", 1.5, std::nullopt, 12.5, std::nullopt},
                         {"memory", 0.5, 0.25, std::nullopt, std::nullopt}};
        return view;
    }
    std::vector<http::WorkerView> workers() const override {
        const std::lock_guard lock(workers_mutex);
        return worker_list;
    }
    http::Control* control() const override { return control_here; }
    std::optional<http::WorkerView> worker(const std::string& name) const override {
        const std::lock_guard lock(workers_mutex);
        for (const auto& worker : worker_list) {
            if (worker.name == name) return worker;
        }
        return std::nullopt;
    }
    std::optional<http::LogAnswer> log_of(const std::string& name) const override {
        const auto found = logs.find(name);
        if (found == logs.end()) return std::nullopt;
        return found->second;
    }
    std::vector<http::SettingView> configuration() const override {
        return {{"PILOTFISH_STOP_TIMEOUT", "", "9s", "/etc/pilotfish.json", false},
                {"PILOTFISH_WORKER_WEB_CWD", "web", "", "default", true}};
    }
    http::EventFeed& events() const override { return feed; }
    std::unique_ptr<http::BodyStream> dump_tasks(http::TaskDump kind) const override {
        if (make_dump) return make_dump();
        std::vector<std::string> pieces;
        if (kind == http::TaskDump::grouped)
            return std::make_unique<CannedStream>(
                std::vector<std::string>{"goroutine profile: total 3\n"});
        for (std::size_t i = 0; i < dump_repeats; ++i) {
            pieces.insert(pieces.end(), dump_pieces.begin(), dump_pieces.end());
        }
        return std::make_unique<CannedStream>(std::move(pieces));
    }
    std::vector<http::Finding> diagnostics() const override {
        return {{"diagnostics", "stacks of workers", http::Verdict::ok, "by ptrace", ""}};
    }
    std::vector<std::string> command_line() const override {
        return {"pilotfish", "run", "--", "x"};
    }
};

}  // namespace pilotfish::tests
