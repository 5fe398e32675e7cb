#include "http/render.h"

#include <nlohmann/json.hpp>

#include "http/message.h"

namespace pilotfish::http {
namespace {

using Json = nlohmann::ordered_json;

std::string print(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

template <class T>
Json or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

std::string_view state_name(core::LimitState state) {
    switch (state) {
        case core::LimitState::limited: return "limited";
        case core::LimitState::unlimited: return "unlimited";
        case core::LimitState::unknown: return "unknown";
    }
    return "unknown";
}

Json checks_json(const std::vector<HealthCheckView>& checks) {
    Json json = Json::object();
    for (const HealthCheckView& one : checks)
        json[one.check] = {{"ok", one.ok},
                           {"detail", or_null(one.detail)},
                           {"output", or_null(one.output)},
                           {"age_seconds", one.age_seconds},
                           {"took_seconds", one.took_seconds},
                           {"tries", one.tries},
                           {"failures", one.failures},
                           {"failures_in_a_row", one.failures_in_a_row}};
    return json;
}

Json worker_json(const WorkerView& worker) {
    Json restarts = Json::object();
    std::uint64_t total = 0;
    for (const RestartCount& count : worker.restarts) {
        restarts[count.reason] = count.restarts;
        total += count.restarts;
    }
    Json last = nullptr;
    if (worker.exit_code || !worker.exit_text.empty()) {
        last = {{"code", or_null(worker.exit_code)},
                {"signal", or_null(worker.exit_signal)},
                {"reason", or_null(worker.exit_reason)},
                {"text", or_null(worker.exit_text)}};
    }
    return {{"name", worker.name},
            {"kind", worker.kind},
            {"hosted", worker.hosted},
            {"instance", worker.instance},
            {"schedule", or_null(worker.schedule)},
            {"state", worker.state},
            {"up", worker.up},
            {"ready", worker.ready},
            {"critical", worker.critical},
            {"pid", or_null(worker.pid)},
            {"uptime_seconds", or_null(worker.uptime_seconds)},
            {"starts", worker.starts},
            {"left_behind", worker.left_behind},
            {"restarts", total},
            {"restarts_by_reason", restarts},
            {"exit", last},
            {"next_try_seconds", or_null(worker.next_try_seconds)},
            {"runs_skipped", worker.runs_skipped},
            {"runs_missed", worker.runs_missed},
            {"health", or_null(worker.health)},
            {"status", or_null(worker.status)},
            {"checks", checks_json(worker.checks)},
            {"oom_kills", worker.oom_kills},
            {"cpu_seconds", worker.cpu_seconds},
            {"resident_bytes", or_null(worker.resident_bytes)},
            {"open_files", or_null(worker.open_files)},
            {"log_lines", worker.log_lines},
            {"log_lines_dropped", worker.log_lines_dropped}};
}

Json histogram_json(const HistogramView& histogram) {
    std::uint64_t count = 0;
    Json buckets = Json::array();
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
        count += histogram.counts[i];
        const bool last = i >= histogram.upper_bounds.size();
        buckets.push_back(
            {{"le", last ? Json("+Inf") : Json(histogram.upper_bounds[i])}, {"count", count}});
    }
    return {{"count", count}, {"sum", histogram.sum}, {"buckets", buckets}};
}

Json pressure_json(const std::vector<PressureView>& pressure) {
    Json json = Json::object();
    for (const PressureView& one : pressure)
        json[one.resource] = {{"some_percent", or_null(one.some_percent)},
                              {"full_percent", or_null(one.full_percent)},
                              {"some_seconds", one.some_seconds},
                              {"full_seconds", or_null(one.full_seconds)}};
    return json;
}

Json container_json(const UsageView& usage) {
    Json headroom = nullptr;
    if (usage.headroom) {
        headroom = {{"load", usage.headroom->load},
                    {"left_bytes", usage.headroom->left_bytes},
                    {"limit_bytes", usage.headroom->limit_bytes},
                    {"level", usage.headroom->level},
                    {"at_least", usage.headroom->at_least}};
    }
    Json events = Json::object();
    for (const MemoryEventView& event : usage.memory_events) events[event.event] = event.times;
    return {{"cpu",
             {{"seconds", or_null(usage.cpu_seconds)},
              {"periods", or_null(usage.cpu_periods)},
              {"throttled_periods", or_null(usage.cpu_throttled_periods)},
              {"throttled_seconds", or_null(usage.cpu_throttled_seconds)},
              {"throttled_ratio", or_null(usage.cpu_throttled_ratio)},
              {"burst_periods", or_null(usage.cpu_burst_periods)},
              {"burst_seconds", or_null(usage.cpu_burst_seconds)}}},
            {"memory",
             {{"usage_bytes", or_null(usage.memory_usage_bytes)},
              {"working_set_bytes", or_null(usage.memory_working_set_bytes)},
              {"peak_bytes", or_null(usage.memory_peak_bytes)},
              {"swap_bytes", or_null(usage.memory_swap_bytes)},
              {"oom_kills", or_null(usage.memory_oom_kills)},
              {"events", events},
              {"pressure_events", usage.memory_pressure_events},
              {"headroom", headroom}}},
            {"pressure", pressure_json(usage.pressure)}};
}

}  // namespace

std::string render_limits(const core::Limits& limits, const core::DerivedLimits& derived) {
    const bool cpu_limited = limits.cpu.state == core::LimitState::limited;
    const bool memory_limited = limits.memory.state == core::LimitState::limited;
    return print(
        {{"cpu",
          {{"state", state_name(limits.cpu.state)},
           {"cpus", cpu_limited ? or_null(limits.cpu.cpus) : Json(nullptr)},
           {"version", limits.cpu.version},
           {"source", cpu_limited ? or_null(limits.cpu.source) : Json(nullptr)},
           {"affinity", limits.cpu.affinity},
           {"online", limits.cpu.online},
           {"maxprocs", derived.maxprocs}}},
         {"memory",
          {{"state", state_name(limits.memory.state)},
           {"limit_bytes", memory_limited ? or_null(limits.memory.limit_bytes) : Json(nullptr)},
           {"version", limits.memory.version},
           {"source", memory_limited ? or_null(limits.memory.source) : Json(nullptr)},
           {"high_bytes", or_null(limits.memory.high_bytes)},
           {"soft_limit_bytes", or_null(derived.soft_limit_bytes)}}},
         {"warnings", limits.warnings}});
}

std::string render_runtime(const RuntimeView& runtime, const BuildView& build,
                           const core::DerivedLimits& derived, const UsageView& usage) {
    Json by_state = Json::object();
    for (const TaskStateCount& count : runtime.tasks_by_state) by_state[count.state] = count.tasks;
    const RuntimeView::Memory& memory = runtime.memory;
    return print({{"version", build.version},
                  {"compiler", build.compiler},
                  {"target", build.target},
                  {"revision", or_null(build.revision)},
                  {"uptime_seconds", runtime.uptime_seconds},
                  {"heartbeat_age_seconds", runtime.heartbeat_age_seconds},
                  {"tasks", runtime.tasks},
                  {"tasks_by_state", by_state},
                  {"tasks_spawned", runtime.tasks_spawned},
                  {"tasks_finished", runtime.tasks_finished},
                  {"maxprocs", runtime.maxprocs},
                  {"processors_idle", runtime.processors_idle},
                  {"num_cpu", runtime.num_cpu},
                  {"threads", runtime.threads},
                  {"steals", runtime.steals},
                  {"parks", runtime.parks},
                  {"blocking_calls_now", runtime.blocking_calls_now},
                  {"blocking_calls", runtime.blocking_calls},
                  {"schedule_latency_seconds", histogram_json(runtime.schedule_latency)},
                  {"mem_stats",
                   {{"alloc_bytes", memory.alloc_bytes},
                    {"inuse_bytes", memory.inuse_bytes},
                    {"idle_bytes", memory.idle_bytes},
                    {"released_bytes", memory.released_bytes},
                    {"sys_bytes", memory.sys_bytes},
                    {"resident_bytes", memory.resident_bytes},
                    {"mallocs", memory.mallocs},
                    {"frees", memory.frees},
                    {"soft_limit_bytes", or_null(derived.soft_limit_bytes)},
                    {"reclaim_cycles", memory.reclaim_cycles},
                    {"reclaim_pause_seconds", memory.reclaim_pause_seconds}}},
                  {"container", container_json(usage)}});
}

std::string render_worker(const WorkerView& worker) { return print(worker_json(worker)); }

std::string render_workers(const std::vector<WorkerView>& workers) {
    Json list = Json::array();
    for (const WorkerView& worker : workers) list.push_back(worker_json(worker));
    return print({{"workers", list}});
}

std::string render_control(bool reached, const std::vector<WorkerView>& workers) {
    Json list = Json::array();
    for (const WorkerView& worker : workers) list.push_back(worker_json(worker));
    return print({{"reached", reached}, {"workers", list}});
}

std::string render_configuration(const std::vector<SettingView>& settings) {
    Json list = Json::array();
    for (const SettingView& setting : settings) {
        list.push_back({{"name", setting.variable},
                        {"worker", setting.worker.empty() ? Json() : Json(setting.worker)},
                        {"value", setting.value.empty() ? Json() : Json(setting.value)},
                        {"source", setting.source},
                        {"default", setting.is_default}});
    }
    return print({{"settings", list}});
}

std::string render_problem(int status, std::string_view detail) {
    return print({{"title", reason_phrase(status)}, {"status", status}, {"detail", detail}});
}

}  // namespace pilotfish::http
