#include "cgroup/usage.h"

#include <cerrno>
#include <charconv>
#include <utility>

#include "cgroup/limits_reader.h"
#include "cgroup/memory_limit.h"
#include "cgroup/parse_number.h"

namespace pilotfish::cgroup {
namespace {

constexpr double kMicrosecond = 1e-6;
constexpr double kNanosecond = 1e-9;

std::string directory_of(const std::string& file) { return file.substr(0, file.rfind('/')); }

std::string own_directory(const Place& place) {
    return place.directories.empty() ? std::string() : place.directories.front();
}

std::optional<double> scaled(std::optional<std::uint64_t> value, double unit) {
    if (!value) return std::nullopt;
    return static_cast<double>(*value) * unit;
}

// "some avg10=0.12 avg60=0.00 avg300=0.00 total=1234"
std::optional<std::string_view> field_of(std::string_view line, std::string_view key) {
    while (!line.empty()) {
        const std::size_t blank = line.find(' ');
        const std::string_view word = line.substr(0, blank);
        if (word.size() > key.size() && word.starts_with(key) && word[key.size()] == '=')
            return word.substr(key.size() + 1);
        if (blank == std::string_view::npos) break;
        line.remove_prefix(blank + 1);
    }
    return std::nullopt;
}

std::optional<double> percent_of(std::string_view line) {
    const auto text = field_of(line, "avg10");
    if (!text) return std::nullopt;
    double value = 0;
    const auto [end, error] =
        std::from_chars(text->data(), text->data() + text->size(), value, std::chars_format::fixed);
    const bool whole = error == std::errc() && end == text->data() + text->size();
    return whole && value >= 0 && value <= 100 ? std::optional(value) : std::nullopt;
}

std::optional<double> total_seconds_of(std::string_view line) {
    const auto text = field_of(line, "total");
    return text ? scaled(parse_number(*text), kMicrosecond) : std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> MemoryUsage::working_set_bytes() const {
    if (!usage_bytes || !inactive_file_bytes) return std::nullopt;
    return *usage_bytes > *inactive_file_bytes ? *usage_bytes - *inactive_file_bytes : 0;
}

std::optional<std::uint64_t> MemoryUsage::firm_bytes() const {
    const auto working_set = working_set_bytes();
    if (!working_set || !active_file_bytes) return std::nullopt;
    return *working_set > *active_file_bytes ? *working_set - *active_file_bytes : 0;
}

MemoryEvents parse_memory_events(std::string_view text) {
    MemoryEvents events;
    events.low = find_value(text, "low");
    events.high = find_value(text, "high");
    events.max = find_value(text, "max");
    events.oom = find_value(text, "oom");
    events.oom_kill = find_value(text, "oom_kill");
    events.oom_group_kill = find_value(text, "oom_group_kill");
    return events;
}

Pressure parse_pressure(std::string_view text) {
    Pressure pressure;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        if (line.starts_with("some ")) {
            pressure.some_avg10 = percent_of(line);
            pressure.some_seconds = total_seconds_of(line);
        } else if (line.starts_with("full ")) {
            pressure.full_avg10 = percent_of(line);
            pressure.full_seconds = total_seconds_of(line);
        }
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return pressure;
}

UsageReader::UsageReader(const FileSource& source, const core::Limits& limits,
                         std::chrono::milliseconds max_age)
    : source_(&source), max_age_(max_age) {
    own_by(limits);
}

void UsageReader::resolve(const core::Limits& limits) {
    const std::lock_guard lock(mutex_);
    own_by(limits);
}

void UsageReader::own_by(const core::Limits& limits) {
    cpu_source_ = limits.cpu.source;
    memory_limit_ = limits.memory;
    found_ = false;
    read_at_.reset();
}

void UsageReader::find_files() {
    found_ = true;
    const Tables tables = read_tables(*source_);
    find_cpu_files(tables);
    find_memory_files(tables);
    for (File* file : {&cpu_pressure_, &memory_pressure_, &io_pressure_}) *file = File();
    // /proc/pressure is the host's: a v2 group's own files or nothing.
    const Place unified = find_unified(*source_, tables);
    if (const std::string group = own_directory(unified); unified.version == 2 && !group.empty()) {
        cpu_pressure_.path = group + "/cpu.pressure";
        memory_pressure_.path = group + "/memory.pressure";
        io_pressure_.path = group + "/io.pressure";
    }
}

void UsageReader::find_cpu_files(const Tables& tables) {
    const Place cpu = find_controller(*source_, tables, "cpu");
    cpu_version_ = cpu.version;
    throttle_ = File();
    cpu_used_ = File();
    const std::string own = own_directory(cpu);
    if (!own.empty()) {
        throttle_.path = (cpu_source_.empty() ? own : directory_of(cpu_source_)) + "/cpu.stat";
        if (cpu.version == 2) cpu_used_.path = own + "/cpu.stat";
    }
    if (cpu.version == 1) {
        const std::string counted = own_directory(find_controller(*source_, tables, "cpuacct"));
        if (!counted.empty()) cpu_used_.path = counted + "/cpuacct.usage";
    }
}

void UsageReader::find_memory_files(const Tables& tables) {
    const Place memory = find_controller(*source_, tables, "memory");
    memory_version_ = memory.version;
    own_ = MemoryFileSet();
    levels_.clear();
    const bool v2 = memory_version_ == 2;
    const auto aim = [v2](MemoryFileSet& set, const std::string& directory) {
        set.usage.path = directory + (v2 ? "/memory.current" : "/memory.usage_in_bytes");
        set.stat.path = directory + "/memory.stat";
    };
    const std::string own = own_directory(memory);
    if (own.empty()) return;
    aim(own_, own);
    own_.peak.path = own + (v2 ? "/memory.peak" : "/memory.max_usage_in_bytes");
    own_.events.path = own + (v2 ? "/memory.events" : "/memory.oom_control");
    if (v2) own_.swap.path = own + "/memory.swap.current";
    if (!v2) own_.failcnt.path = own + "/memory.failcnt";
    for (const core::MemoryLevel& level : memory_limit_.levels) {
        const bool limits = limits_anything(level.max_bytes, memory_limit_.total_bytes);
        const bool slows = limits_anything(level.high_bytes, memory_limit_.total_bytes);
        if (!limits && !slows) continue;
        LimitedLevel& added = levels_.emplace_back();
        added.shown.source = level.source;
        if (limits) added.shown.limit_bytes = level.max_bytes;
        if (slows) added.shown.high_bytes = level.high_bytes;
        added.shown.is_own_share = level.is_hidden;
        added.is_own = level.is_hidden || directory_of(level.source) == own;
        if (!added.is_own) aim(added.files, directory_of(level.source));
    }
}

// Leaves the text in scratch_.
bool UsageReader::read_file(File& file) {
    scratch_.clear();
    if (file.path.empty()) return false;
    if (!file.fd) {
        if (file.looked) return false;
        file.looked = true;
        file.fd = source_->open(file.path);
        if (!file.fd) return false;
    }
    const ReadOutcome outcome = read_whole(file.fd.get(), kStatFileCapBytes, scratch_);
    group_removed_ |= outcome.system_errno == ENODEV;
    return outcome.ok();
}

std::optional<std::uint64_t> UsageReader::read_number(File& file) {
    return read_file(file) ? parse_number(trim(scratch_)) : std::nullopt;
}

CpuUsage UsageReader::read_throttle_file() {
    CpuUsage usage;
    if (!read_file(throttle_)) return usage;
    const auto seconds = [&](std::string_view v2_key, std::string_view v1_key) {
        return cpu_version_ == 2 ? scaled(find_value(scratch_, v2_key), kMicrosecond)
                                 : scaled(find_value(scratch_, v1_key), kNanosecond);
    };
    usage.periods = find_value(scratch_, "nr_periods");
    usage.throttled = find_value(scratch_, "nr_throttled");
    usage.throttled_seconds = seconds("throttled_usec", "throttled_time");
    usage.bursts = find_value(scratch_, "nr_bursts");
    usage.burst_seconds = seconds("burst_usec", "burst_time");
    return usage;
}

CpuUsage UsageReader::read_cpu() {
    CpuUsage usage = read_throttle_file();
    if (read_file(cpu_used_))
        usage.used_seconds = cpu_version_ == 2
                                 ? scaled(find_value(scratch_, "usage_usec"), kMicrosecond)
                                 : scaled(parse_number(trim(scratch_)), kNanosecond);
    return usage;
}

MemoryUsage UsageReader::read_memory(MemoryFileSet& set) {
    MemoryUsage usage;
    const bool v2 = memory_version_ == 2;
    usage.usage_bytes = read_number(set.usage);
    if (read_file(set.stat)) {
        // v1's plain keys count the group alone, and usage_in_bytes its descendants too.
        usage.inactive_file_bytes =
            find_value(scratch_, v2 ? "inactive_file" : "total_inactive_file");
        usage.active_file_bytes = find_value(scratch_, v2 ? "active_file" : "total_active_file");
        if (!v2) usage.swap_bytes = find_value(scratch_, "total_swap");
    }
    usage.peak_bytes = read_number(set.peak);
    if (v2) usage.swap_bytes = read_number(set.swap);
    if (read_file(set.events)) usage.events = parse_memory_events(scratch_);
    if (!v2) usage.events.max = read_number(set.failcnt);
    return usage;
}

Pressure UsageReader::read_pressure(File& file) {
    return read_file(file) ? parse_pressure(scratch_) : Pressure{};
}

Usage UsageReader::read_now() {
    if (!found_) find_files();
    Usage usage;
    usage.cpu = read_cpu();
    usage.memory = read_memory(own_);
    for (LimitedLevel& level : levels_) {
        MemoryLevelUsage& shown = usage.memory_levels.emplace_back(level.shown);
        const MemoryUsage used = level.is_own ? usage.memory : read_memory(level.files);
        shown.working_set_bytes = used.working_set_bytes();
        shown.firm_bytes = used.firm_bytes();
    }
    usage.cpu_pressure = read_pressure(cpu_pressure_);
    usage.memory_pressure = read_pressure(memory_pressure_);
    usage.io_pressure = read_pressure(io_pressure_);
    return usage;
}

CpuUsage UsageReader::read_throttling() {
    const std::lock_guard lock(mutex_);
    if (!found_) find_files();
    return read_throttle_file();
}

Usage UsageReader::read(TimePoint now) {
    const std::lock_guard lock(mutex_);
    if (!read_at_ || now - *read_at_ >= max_age_) {
        last_ = read_now();
        if (std::exchange(group_removed_, false)) {  // the process was moved, its group removed
            own_by(read_limits(*source_));
            last_ = read_now();
        }
        read_at_ = now;
    }
    return last_;
}

}  // namespace pilotfish::cgroup
