#include "cgroup/usage.h"

#include <cerrno>
#include <charconv>
#include <utility>

#include "cgroup/finder.h"
#include "cgroup/limits_reader.h"
#include "cgroup/parse_number.h"

namespace pilotfish::cgroup {
namespace {

constexpr double kMicrosecond = 1e-6;
constexpr double kNanosecond = 1e-9;

std::string directory_of(const std::string& file) { return file.substr(0, file.rfind('/')); }

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
    memory_source_ = limits.memory.source;
    found_ = false;
    read_at_.reset();
}

void UsageReader::aim_memory(MemoryFileSet& set, const std::string& directory) {
    set = MemoryFileSet();
    if (directory.empty()) return;
    const bool v2 = memory_version_ == 2;
    set.usage.path = directory + (v2 ? "/memory.current" : "/memory.usage_in_bytes");
    set.stat.path = directory + "/memory.stat";
    set.peak.path = directory + (v2 ? "/memory.peak" : "/memory.max_usage_in_bytes");
    set.oom.path = directory + (v2 ? "/memory.events" : "/memory.oom_control");
}

void UsageReader::find_files() {
    found_ = true;
    const Tables tables = read_tables(*source_);
    const auto own_directory = [](const Place& place) {
        return place.directories.empty() ? std::string() : place.directories.front();
    };
    const Place cpu = find_controller(*source_, tables, "cpu");
    const Place memory = find_controller(*source_, tables, "memory");
    const Place unified = find_unified(*source_, tables);
    cpu_version_ = cpu.version;
    memory_version_ = memory.version;
    for (File* file : {&throttle_, &cpu_used_, &cpu_pressure_, &memory_pressure_, &io_pressure_})
        *file = File();
    if (const std::string own = own_directory(cpu); !own.empty()) {
        const std::string owner = cpu_source_.empty() ? own : directory_of(cpu_source_);
        throttle_.path = owner + "/cpu.stat";
        if (cpu.version == 2) cpu_used_.path = own + "/cpu.stat";
    }
    if (cpu.version == 1) {
        const std::string own = own_directory(find_controller(*source_, tables, "cpuacct"));
        if (!own.empty()) cpu_used_.path = own + "/cpuacct.usage";
    }
    const std::string own = own_directory(memory);
    const std::string owner = memory_source_.empty() ? own : directory_of(memory_source_);
    owner_is_own_ = owner == own;
    aim_memory(own_, own);
    aim_memory(owner_, owner_is_own_ ? std::string() : owner);
    // /proc/pressure is the host's: a v2 group's own files or nothing.
    if (const std::string group = own_directory(unified); unified.version == 2 && !group.empty()) {
        cpu_pressure_.path = group + "/cpu.pressure";
        memory_pressure_.path = group + "/memory.pressure";
        io_pressure_.path = group + "/io.pressure";
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

CpuUsage UsageReader::read_cpu() {
    CpuUsage usage;
    const bool v2 = cpu_version_ == 2;
    if (read_file(throttle_)) {
        usage.periods = find_value(scratch_, "nr_periods");
        usage.throttled = find_value(scratch_, "nr_throttled");
        usage.throttled_seconds = v2 ? scaled(find_value(scratch_, "throttled_usec"), kMicrosecond)
                                     : scaled(find_value(scratch_, "throttled_time"), kNanosecond);
    }
    if (read_file(cpu_used_))
        usage.used_seconds = v2 ? scaled(find_value(scratch_, "usage_usec"), kMicrosecond)
                                : scaled(parse_number(trim(scratch_)), kNanosecond);
    return usage;
}

MemoryUsage UsageReader::read_memory(MemoryFileSet& set) {
    MemoryUsage usage;
    const bool v2 = memory_version_ == 2;
    if (read_file(set.usage)) usage.usage_bytes = parse_number(trim(scratch_));
    // v1's plain keys count the group alone, and usage_in_bytes its descendants too.
    if (read_file(set.stat))
        usage.inactive_file_bytes =
            find_value(scratch_, v2 ? "inactive_file" : "total_inactive_file");
    if (read_file(set.peak)) usage.peak_bytes = parse_number(trim(scratch_));
    if (read_file(set.oom)) usage.oom_kills = find_value(scratch_, "oom_kill");
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
    usage.memory_owner = owner_is_own_ ? usage.memory : read_memory(owner_);
    usage.cpu_pressure = read_pressure(cpu_pressure_);
    usage.memory_pressure = read_pressure(memory_pressure_);
    usage.io_pressure = read_pressure(io_pressure_);
    return usage;
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
