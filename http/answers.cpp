#include "http/answers.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace pilotfish::http {
namespace {

using Json = nlohmann::ordered_json;

Json parse(std::string_view text) {
    return Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
}

std::string text_at(const Json& json, const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool truth_at(const Json& json, const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_boolean() && found->get<bool>();
}

template <class Number>
std::optional<Number> number_at(const Json& json, const char* key) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_number()) return std::nullopt;
    // A number that is none of this type's (a negative count, 1e300) is not known either.
    if constexpr (std::is_unsigned_v<Number>) {
        if (!found->is_number_unsigned()) return std::nullopt;
    } else if constexpr (std::is_integral_v<Number>) {
        if (!found->is_number_integer()) return std::nullopt;
        const auto wide = found->get<std::int64_t>();
        if (!std::in_range<Number>(wide)) return std::nullopt;
    }
    return found->get<Number>();
}

std::uint64_t count_at(const Json& json, const char* key) {
    return number_at<std::uint64_t>(json, key).value_or(0);
}

WorkerView worker_of(const Json& json) {
    WorkerView view;
    view.name = text_at(json, "name");
    view.kind = text_at(json, "kind");
    view.state = text_at(json, "state");
    view.up = truth_at(json, "up");
    view.ready = truth_at(json, "ready");
    view.critical = truth_at(json, "critical");
    view.pid = number_at<int>(json, "pid");
    view.uptime_seconds = number_at<double>(json, "uptime_seconds");
    view.starts = count_at(json, "starts");
    if (const std::uint64_t restarts = count_at(json, "restarts"); restarts > 0)
        view.restarts.push_back({"all", restarts});
    if (const auto exit = json.find("exit"); exit != json.end() && exit->is_object()) {
        view.exit_code = number_at<int>(*exit, "code");
        view.exit_signal = number_at<int>(*exit, "signal");
        view.exit_reason = text_at(*exit, "reason");
        view.exit_text = text_at(*exit, "text");
    }
    view.next_try_seconds = number_at<double>(json, "next_try_seconds");
    view.health = text_at(json, "health");
    view.cpu_seconds = number_at<double>(json, "cpu_seconds").value_or(0);
    view.resident_bytes = number_at<std::uint64_t>(json, "resident_bytes");
    return view;
}

// The list of workers in an answer; nullptr: there is none.
const Json* workers_in(const Json& json) {
    if (!json.is_object()) return nullptr;
    const auto found = json.find("workers");
    return found != json.end() && found->is_array() ? &*found : nullptr;
}

}  // namespace

std::optional<WorkersAnswer> parse_workers(std::string_view json) {
    const Json parsed = parse(json);
    const Json* const list = workers_in(parsed);
    if (list == nullptr) return std::nullopt;
    WorkersAnswer answer;
    for (const Json& each : *list) {
        if (!each.is_object()) return std::nullopt;
        answer.workers.push_back(worker_of(each));
    }
    if (parsed.contains("reached")) answer.reached = truth_at(parsed, "reached");
    return answer;
}

std::optional<std::string> only_workers(std::string_view json,
                                        bool (*keep)(std::string_view name, const void* with),
                                        const void* with) {
    const Json parsed = parse(json);
    const Json* const list = workers_in(parsed);
    if (list == nullptr) return std::nullopt;
    Json kept = Json::array();
    for (const Json& each : *list)
        if (each.is_object() && keep(text_at(each, "name"), with)) kept.push_back(each);
    return Json{{"workers", std::move(kept)}}.dump(2, ' ', false, Json::error_handler_t::replace) +
           "\n";
}

std::string parse_problem(std::string_view json) {
    const Json parsed = parse(json);
    if (parsed.is_object()) {
        std::string detail = text_at(parsed, "detail");
        if (!detail.empty()) return detail;
    }
    while (!json.empty() && (json.back() == '\n' || json.back() == '\r')) json.remove_suffix(1);
    return std::string(json);
}

std::optional<EventView> parse_event(std::string_view json) {
    const Json parsed = parse(json);
    if (!parsed.is_object()) return std::nullopt;
    EventView view;
    view.id = count_at(parsed, "id");
    view.time = text_at(parsed, "time");
    view.kind = text_at(parsed, "kind");
    view.worker = text_at(parsed, "worker");
    view.text = text_at(parsed, "text");
    return view;
}

std::optional<std::uint64_t> parse_missed(std::string_view json) {
    const Json parsed = parse(json);
    return parsed.is_object() ? number_at<std::uint64_t>(parsed, "missed") : std::nullopt;
}

std::optional<LogRecord> parse_log_record(std::string_view json) {
    const Json parsed = parse(json);
    if (!parsed.is_object()) return std::nullopt;
    LogRecord record;
    record.gap = count_at(parsed, "gap");
    record.cursor = count_at(parsed, "cursor");
    record.time = text_at(parsed, "time");
    record.stream = text_at(parsed, "stream");
    record.line = text_at(parsed, "line");
    if (record.gap == 0 && !parsed.contains("line")) return std::nullopt;
    return record;
}

std::string text_of(std::string_view json) {
    const Json parsed = parse(json);
    std::string text = parsed.is_object() ? text_at(parsed, "text") : std::string();
    if (text.empty()) text = json;
    if (!text.ends_with('\n')) text += '\n';
    return text;
}

}  // namespace pilotfish::http
