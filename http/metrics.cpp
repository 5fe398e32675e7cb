#include "http/metrics.h"

#include <array>
#include <charconv>
#include <initializer_list>
#include <type_traits>
#include <utility>

namespace pilotfish::http {
namespace {

enum class Type { gauge, counter, histogram };

constexpr std::string_view type_name(Type type) {
    switch (type) {
        case Type::gauge: return "gauge";
        case Type::counter: return "counter";
        case Type::histogram: return "histogram";
    }
    return "";
}

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// Writes the samples of one metric; the family's header goes out with the first of them, so that
// what has no samples leaves no trace.
class Samples {
  public:
    Samples(std::string& out, std::string_view name, std::string header)
        : out_(out), name_(name), header_(std::move(header)) {}

    template <class Number>
    void add(Number value, Labels labels = {}) {
        line("", value, labels);
    }
    template <class Number>
    void add(const std::optional<Number>& value, Labels labels = {}) {
        if (value) line("", *value, labels);
    }
    void add(const HistogramView& histogram) {
        std::uint64_t count = 0;
        for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
            count += histogram.counts[i];
            const bool last = i >= histogram.upper_bounds.size();
            line("_bucket", count, {{"le", last ? "+Inf" : number(histogram.upper_bounds[i])}});
        }
        if (histogram.counts.empty()) return;
        line("_sum", histogram.sum, {});
        line("_count", count, {});
    }

  private:
    template <class Number>
    static std::string number(Number value) {
        char text[64];
        if constexpr (std::is_same_v<Number, bool>) {
            return value ? "1" : "0";
        } else {
            return {text, std::to_chars(text, text + sizeof text, value).ptr};
        }
    }

    template <class Number>
    void line(std::string_view suffix, Number value, Labels labels) {
        out_ += std::exchange(header_, {});
        out_ += name_;
        out_ += suffix;
        const char* separator = "{";
        for (const auto& [key, text] : labels) {
            out_ += separator;
            out_ += key;
            out_ += "=\"";
            for (char letter : text) {
                if (letter == '\\' || letter == '"') out_ += '\\';
                if (letter == '\n')
                    out_ += "\\n";
                else
                    out_ += letter;
            }
            out_ += '"';
            separator = ",";
        }
        if (labels.size() != 0) out_ += '}';
        out_ += ' ';
        out_ += number(value);
        out_ += '\n';
    }

    std::string& out_;
    std::string_view name_;
    std::string header_;
};

struct Metric {
    std::string_view name;  // ends with its unit, counters with _total after it
    Type type;
    std::string_view unit;  // "" for things that are counted
    std::string_view labels;
    std::string_view help;
    void (*collect)(const MetricsSnapshot&, Samples&);
};

using Snapshot = MetricsSnapshot;

constexpr Metric kMetrics[] = {
    {"pilotfish_build_info", Type::gauge, "", "version, revision, compiler, target",
     "Always 1; the labels say what was built.",
     [](const Snapshot& s, Samples& out) {
         out.add(1, {{"version", s.build.version},
                     {"revision", s.build.revision},
                     {"compiler", s.build.compiler},
                     {"target", s.build.target}});
     }},
    {"pilotfish_start_time_seconds", Type::gauge, "seconds", "",
     "When the daemon started, since the epoch.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.start_time_seconds); }},
    {"pilotfish_heartbeat_age_seconds", Type::gauge, "seconds", "",
     "Age of the scheduler's last heartbeat.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.heartbeat_age_seconds); }},
    {"pilotfish_tasks", Type::gauge, "", "state", "Tasks of the runtime now, by state.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& state : s.runtime.tasks_by_state) {
             out.add(state.tasks, {{"state", state.state}});
         }
     }},
    {"pilotfish_tasks_spawned_total", Type::counter, "", "", "Tasks that were ever spawned.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.tasks_spawned); }},
    {"pilotfish_tasks_finished_total", Type::counter, "", "", "Tasks that have finished.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.tasks_finished); }},
    {"pilotfish_processors", Type::gauge, "", "", "Processors of the scheduler (maxprocs).",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.maxprocs); }},
    {"pilotfish_processors_idle", Type::gauge, "", "", "Processors of the scheduler without work.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.processors_idle); }},
    {"pilotfish_threads", Type::gauge, "", "", "Threads of the daemon.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.threads); }},
    {"pilotfish_scheduler_steals_total", Type::counter, "", "",
     "Times a processor took tasks from another one's queue.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.steals); }},
    {"pilotfish_scheduler_parks_total", Type::counter, "", "",
     "Times a worker thread went to sleep for want of work.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.parks); }},
    {"pilotfish_schedule_latency_seconds", Type::histogram, "seconds", "",
     "Time from a task being runnable to its running.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.schedule_latency); }},
    {"pilotfish_blocking_calls", Type::gauge, "", "", "Blocking sections that run now.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.blocking_calls_now); }},
    {"pilotfish_blocking_calls_started_total", Type::counter, "", "",
     "Blocking sections that were ever entered.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.blocking_calls); }},
    {"pilotfish_heap_alloc_bytes", Type::gauge, "bytes", "", "Heap in live objects.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.memory.alloc_bytes); }},
    {"pilotfish_heap_inuse_bytes", Type::gauge, "bytes", "", "Heap in pages with live objects.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.memory.inuse_bytes); }},
    {"pilotfish_heap_idle_bytes", Type::gauge, "bytes", "", "Heap held without live objects.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.memory.idle_bytes); }},
    {"pilotfish_heap_released_bytes", Type::gauge, "bytes", "", "Heap given back to the system.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.memory.released_bytes); }},
    {"pilotfish_heap_sys_bytes", Type::gauge, "bytes", "", "Heap obtained from the system.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.memory.sys_bytes); }},
    {"pilotfish_resident_memory_bytes", Type::gauge, "bytes", "", "Resident memory of the daemon.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.memory.resident_bytes); }},
    {"pilotfish_memory_soft_limit_bytes", Type::gauge, "bytes", "",
     "Soft memory limit; absent when there is none.",
     [](const Snapshot& s, Samples& out) { out.add(s.limits.derived.soft_limit_bytes); }},
    {"pilotfish_reclaim_cycles_total", Type::counter, "", "", "Cycles of memory reclaim.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.memory.reclaim_cycles); }},
    {"pilotfish_reclaim_pause_seconds_total", Type::counter, "seconds", "",
     "Time that memory reclaim held others up.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.memory.reclaim_pause_seconds); }},
    {"pilotfish_heap_limit_bytes", Type::gauge, "bytes", "",
     "Budget of the daemon's own heap inside the soft limit; absent when there is none.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.memory.limit_bytes); }},
    {"pilotfish_reclaim_steps_total", Type::counter, "", "step",
     "Steps taken as the heap neared its budget.",
     [](const Snapshot& s, Samples& out) {
         out.add(s.runtime.memory.shrinks, {{"step", "shrink"}});
         out.add(s.runtime.memory.purges, {{"step", "purge"}});
         out.add(s.runtime.memory.brakes, {{"step", "brake"}});
     }},
    {"pilotfish_memory_room_waits_total", Type::counter, "", "",
     "Waits of tasks for memory while the heap was over its budget.",
     [](const Snapshot& s, Samples& out) { out.add(s.runtime.memory.held); }},
    {"pilotfish_cpu_limit_cpus", Type::gauge, "cpus", "",
     "Processors the container may use; absent when not limited.",
     [](const Snapshot& s, Samples& out) { out.add(s.limits.limits.cpu.cpus); }},
    {"pilotfish_cpu_usage_seconds_total", Type::counter, "seconds", "",
     "Processor time the container used.",
     [](const Snapshot& s, Samples& out) { out.add(s.usage.cpu_seconds); }},
    {"pilotfish_cpu_periods_total", Type::counter, "", "", "Quota periods that have passed.",
     [](const Snapshot& s, Samples& out) { out.add(s.usage.cpu_periods); }},
    {"pilotfish_cpu_throttled_periods_total", Type::counter, "", "",
     "Quota periods in which the container was throttled.",
     [](const Snapshot& s, Samples& out) { out.add(s.usage.cpu_throttled_periods); }},
    {"pilotfish_cpu_throttled_seconds_total", Type::counter, "seconds", "",
     "Time the container was throttled.",
     [](const Snapshot& s, Samples& out) { out.add(s.usage.cpu_throttled_seconds); }},
    {"pilotfish_cpu_throttled_ratio", Type::gauge, "ratio", "",
     "Share of the quota periods of the last 10 seconds in which the container was throttled.",
     [](const Snapshot& s, Samples& out) { out.add(s.usage.cpu_throttled_ratio); }},
    {"pilotfish_cpu_burst_periods_total", Type::counter, "", "",
     "Quota periods in which the container used what earlier ones had saved.",
     [](const Snapshot& s, Samples& out) { out.add(s.usage.cpu_burst_periods); }},
    {"pilotfish_cpu_burst_seconds_total", Type::counter, "seconds", "",
     "Processor time the container used above its quota.",
     [](const Snapshot& s, Samples& out) { out.add(s.usage.cpu_burst_seconds); }},
    {"pilotfish_memory_limit_bytes", Type::gauge, "bytes", "",
     "Memory the container may use; absent when not limited.",
     [](const Snapshot& s, Samples& out) { out.add(s.limits.limits.memory.limit_bytes); }},
    {"pilotfish_memory_usage_bytes", Type::gauge, "bytes", "", "Memory the container uses.",
     [](const Snapshot& s, Samples& out) { out.add(s.usage.memory_usage_bytes); }},
    {"pilotfish_memory_working_set_bytes", Type::gauge, "bytes", "",
     "Memory the container uses less its inactive file pages.",
     [](const Snapshot& s, Samples& out) { out.add(s.usage.memory_working_set_bytes); }},
    {"pilotfish_memory_peak_bytes", Type::gauge, "bytes", "",
     "The most memory the container has ever used.",
     [](const Snapshot& s, Samples& out) { out.add(s.usage.memory_peak_bytes); }},
    {"pilotfish_memory_swap_bytes", Type::gauge, "bytes", "", "Swap the container uses.",
     [](const Snapshot& s, Samples& out) { out.add(s.usage.memory_swap_bytes); }},
    {"pilotfish_memory_headroom_bytes", Type::gauge, "bytes", "level",
     "Memory left below the limit of the fullest level, the container or a group above it.",
     [](const Snapshot& s, Samples& out) {
         if (s.usage.headroom) out.add(s.usage.headroom->left_bytes, {{"level", s.usage.headroom->level}});
     }},
    {"pilotfish_memory_load_ratio", Type::gauge, "ratio", "level",
     "Working set of the fullest level over its limit: 1 is full.",
     [](const Snapshot& s, Samples& out) {
         if (s.usage.headroom) out.add(s.usage.headroom->load, {{"level", s.usage.headroom->level}});
     }},
    {"pilotfish_memory_events_total", Type::counter, "", "event",
     "What the kernel did to the container for want of memory: low, high, max, oom, "
     "oom_group_kill.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& e : s.usage.memory_events) out.add(e.times, {{"event", e.event}});
     }},
    {"pilotfish_memory_pressure_events_total", Type::counter, "", "",
     "Times the kernel told of memory pressure in the container.",
     [](const Snapshot& s, Samples& out) { out.add(s.usage.memory_pressure_events); }},
    {"pilotfish_memory_oom_kills_total", Type::counter, "", "",
     "Processes of the container the kernel killed for want of memory.",
     [](const Snapshot& s, Samples& out) { out.add(s.usage.memory_oom_kills); }},
    {"pilotfish_pids", Type::gauge, "", "", "Processes and threads of the container.",
     [](const Snapshot& s, Samples& out) { out.add(s.usage.pids); }},
    {"pilotfish_pids_limit", Type::gauge, "", "",
     "Processes and threads the container may have; absent when not limited.",
     [](const Snapshot& s, Samples& out) { out.add(s.usage.pids_limit); }},
    {"pilotfish_pressure_waiting_seconds_total", Type::counter, "seconds", "resource",
     "Time in which some task of the container waited for the resource.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& p : s.usage.pressure) out.add(p.some_seconds, {{"resource", p.resource}});
     }},
    {"pilotfish_pressure_stalled_seconds_total", Type::counter, "seconds", "resource",
     "Time in which all tasks of the container waited for the resource.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& p : s.usage.pressure) out.add(p.full_seconds, {{"resource", p.resource}});
     }},
    {"pilotfish_worker_up", Type::gauge, "", "worker", "Whether the worker runs.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& w : s.workers) out.add(w.up, {{"worker", w.name}});
     }},
    {"pilotfish_worker_ready", Type::gauge, "", "worker", "Whether the worker is ready.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& w : s.workers) out.add(w.ready, {{"worker", w.name}});
     }},
    {"pilotfish_worker_restarts_total", Type::counter, "", "worker, reason",
     "Restarts of the worker, by what led to them.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& w : s.workers) {
             for (const auto& r : w.restarts) {
                 out.add(r.restarts, {{"worker", w.name}, {"reason", r.reason}});
             }
         }
     }},
    {"pilotfish_worker_probe_failures_total", Type::counter, "", "worker, probe",
     "Checks of the worker's health that failed: ready, liveness, watchdog.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& w : s.workers) {
             for (const auto& c : w.checks)
                 out.add(c.failures, {{"worker", w.name}, {"probe", c.check}});
         }
     }},
    {"pilotfish_worker_exit_code", Type::gauge, "", "worker",
     "How the worker's last run ended: its code, or 128 and the signal; absent before.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& w : s.workers) out.add(w.exit_code, {{"worker", w.name}});
     }},
    {"pilotfish_worker_oom_kills_total", Type::counter, "", "worker",
     "Processes of the worker the kernel killed for want of memory, as far as it can be told.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& w : s.workers) out.add(w.oom_kills, {{"worker", w.name}});
     }},
    {"pilotfish_worker_cpu_seconds_total", Type::counter, "seconds", "worker",
     "Processor time of the worker, all its runs.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& w : s.workers) out.add(w.cpu_seconds, {{"worker", w.name}});
     }},
    {"pilotfish_worker_resident_memory_bytes", Type::gauge, "bytes", "worker",
     "Resident memory of the worker.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& w : s.workers) out.add(w.resident_bytes, {{"worker", w.name}});
     }},
    {"pilotfish_worker_memory_budget_bytes", Type::gauge, "bytes", "worker",
     "What the worker's runtime should stay below; absent when nothing is limited.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& w : s.workers) out.add(w.memory_budget_bytes, {{"worker", w.name}});
     }},
    {"pilotfish_worker_memory_steps_total", Type::counter, "", "worker, step",
     "Steps taken on the worker because memory ran short, or withheld.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& w : s.workers) {
             for (const auto& m : w.memory_steps)
                 out.add(m.steps, {{"worker", w.name}, {"step", m.step}});
         }
     }},
    {"pilotfish_worker_runs_passed_over_total", Type::counter, "", "worker, reason",
     "Times of a cron worker that did not run: overlap (its last run went on) or missed.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& w : s.workers) {
             if (w.kind != "cron") continue;
             out.add(w.runs_skipped, {{"worker", w.name}, {"reason", "overlap"}});
             out.add(w.runs_missed, {{"worker", w.name}, {"reason", "missed"}});
         }
     }},
    {"pilotfish_worker_open_files", Type::gauge, "", "worker", "Open files of the worker.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& w : s.workers) out.add(w.open_files, {{"worker", w.name}});
     }},
    {"pilotfish_worker_log_lines_total", Type::counter, "", "worker",
     "Log lines taken from the worker.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& w : s.workers) out.add(w.log_lines, {{"worker", w.name}});
     }},
    {"pilotfish_worker_log_lines_dropped_total", Type::counter, "", "worker",
     "Log lines of the worker that were dropped rather than hold it up.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& w : s.workers) out.add(w.log_lines_dropped, {{"worker", w.name}});
     }},
    {"pilotfish_admin_requests_total", Type::counter, "", "route, code",
     "Requests the admin plane answered; code 0 is any other.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& r : s.plane.requests) {
             out.add(r.count, {{"route", r.route}, {"code", std::to_string(r.status)}});
         }
     }},
    {"pilotfish_admin_request_duration_seconds", Type::histogram, "seconds", "",
     "Time from a request's last byte to the first of its answer.",
     [](const Snapshot& s, Samples& out) { out.add(s.plane.duration); }},
    {"pilotfish_admin_connections", Type::gauge, "", "listener",
     "Connections to the admin plane now.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& c : s.plane.connections) out.add(c.open, {{"listener", c.listener}});
     }},
    {"pilotfish_admin_connections_accepted_total", Type::counter, "", "listener",
     "Connections the admin plane accepted.",
     [](const Snapshot& s, Samples& out) {
         for (const auto& c : s.plane.connections) out.add(c.accepted, {{"listener", c.listener}});
     }},
    {"pilotfish_admin_connections_evicted_total", Type::counter, "", "",
     "Idle or half-open connections closed to make room for others.",
     [](const Snapshot& s, Samples& out) { out.add(s.plane.evicted); }},
};

std::string family_header(const Metric& metric, MetricsFormat format) {
    std::string family(metric.name);
    constexpr std::string_view kTotal = "_total";
    const bool open = format == MetricsFormat::openmetrics;
    if (open && metric.type == Type::counter) family.resize(family.size() - kTotal.size());
    std::string header = "# HELP " + family + " " + std::string(metric.help) + "\n# TYPE " +
                         family + " " + std::string(type_name(metric.type)) + "\n";
    if (open && !metric.unit.empty()) {
        header += "# UNIT " + family + " " + std::string(metric.unit) + "\n";
    }
    return header;
}

}  // namespace

std::string render_metrics(const MetricsSnapshot& snapshot, MetricsFormat format) {
    std::string out;
    out.reserve(8192 + snapshot.workers.size() * 700);
    for (const Metric& metric : kMetrics) {
        Samples samples(out, metric.name, family_header(metric, format));
        metric.collect(snapshot, samples);
    }
    if (format == MetricsFormat::openmetrics) out += "# EOF\n";
    return out;
}

std::string metrics_markdown() {
    std::string text = "| metric | type | labels | meaning |\n|---|---|---|---|\n";
    for (const Metric& metric : kMetrics) {
        text += "| `" + std::string(metric.name) + "` | " + std::string(type_name(metric.type)) +
                " | " + std::string(metric.labels) + " | " + std::string(metric.help) + " |\n";
    }
    return text;
}

}  // namespace pilotfish::http
