#include "cgroup/limits_reader.h"

#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "cgroup/parse_number.h"
#include "cgroup/processors.h"

namespace pilotfish::cgroup {
namespace {

std::optional<std::uint64_t> machine_total_bytes(const FileSource& source, std::string& scratch) {
    if (!source.is_replay()) {
        // The same figure as MemTotal for a hundredth of the price of /proc/meminfo.
        struct sysinfo info = {};
        if (::sysinfo(&info) != 0) return std::nullopt;
        return static_cast<std::uint64_t>(info.totalram) * info.mem_unit;
    }
    if (!source.read("/proc/meminfo", kStatFileCapBytes, scratch).ok()) return std::nullopt;
    std::string_view text = scratch;
    constexpr std::string_view kKey = "MemTotal:";
    const std::size_t at = text.find(kKey);
    if (at == std::string_view::npos) return std::nullopt;
    text.remove_prefix(at + kKey.size());
    text = trim(text.substr(0, text.find('\n')));
    if (!text.ends_with(" kB")) return std::nullopt;
    const auto kibibytes = parse_number(trim(text.substr(0, text.size() - 3)));
    if (!kibibytes || *kibibytes > UINT64_MAX / 1024) return std::nullopt;
    return *kibibytes * 1024;
}

std::optional<std::uint64_t> rlimit_as_bytes(const FileSource& source) {
    if (source.is_replay()) return std::nullopt;
    rlimit limit = {};
    if (::prlimit(source.pid(), RLIMIT_AS, nullptr, &limit) != 0) return std::nullopt;
    if (limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
    return limit.rlim_cur;
}

}  // namespace

core::Limits read_limits(const FileSource& source) {
    return LimitsReader(source, Keep::closed).limits();
}

LimitsReader::LimitsReader(const FileSource& source, Keep keep)
    : LimitsReader(source, keep, read_tables(source)) {}

LimitsReader::LimitsReader(const FileSource& source, Keep keep, Tables tables)
    : source_(&source),
      keep_(keep),
      cpu_(find_controller(source, tables, "cpu")),
      memory_(find_controller(source, tables, "memory")),
      membership_text_(std::move(tables.membership_text)) {
    if (keep_ == Keep::open) membership_fd_ = source.open_process_file("cgroup");
    refresh_machine(Depth::full);
    refresh_files(cpu_.files(), Depth::full);
    refresh_files(memory_.files(), Depth::full);
    evaluate();
}

bool LimitsReader::refresh(Depth depth) {
    bool changed = refresh_files(cpu_.files(), depth);
    changed |= refresh_files(memory_.files(), depth);
    changed |= refresh_machine(depth);
    if (changed) evaluate();
    return changed;
}

bool LimitsReader::refresh_files(std::vector<LimitFile>& files, Depth depth) {
    bool changed = false;
    for (LimitFile& file : files) {
        const bool costly = file.is_costly() || !file.is_open();
        if (costly && depth == Depth::tick) continue;
        changed |= file.refresh(*source_, keep_);
    }
    return changed;
}

bool LimitsReader::refresh_machine(Depth depth) {
    const int affinity_before = limits_.cpu.affinity;
    const int online_before = limits_.cpu.online;
    const auto total_before = limits_.memory.total_bytes;
    std::optional<int> online;
    if (depth == Depth::full || source_->is_replay()) {
        machine_warning_.clear();
        const ReadOutcome read =
            source_->is_replay()
                ? source_->read(kOnlineFile, kLimitFileCapBytes, scratch_)
                : FileSource::this_process().read(kOnlineFile, kLimitFileCapBytes, scratch_);
        if (read.ok()) {
            online = parse_cpu_list(scratch_);
            if (!online)
                machine_warning_ = "cannot trust " + std::string(kOnlineFile) +
                                   ": not a list of processors in " + in_quotes(trim(scratch_));
        }
        limits_.memory.total_bytes = machine_total_bytes(*source_, scratch_);
        limits_.memory.rlimit_as_bytes = rlimit_as_bytes(*source_);
    } else {
        online = limits_.cpu.online;
    }
    // The main thread's mask: a thread that pinned itself must not speak for the process.
    const pid_t pid = source_->pid() == 0 ? ::getpid() : source_->pid();
    const bool replayed = source_->is_replay() && online.has_value();
    limits_.cpu.affinity = replayed ? *online : affinity_of(pid).value_or(1);
    limits_.cpu.online = online ? *online : static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
    return limits_.cpu.affinity != affinity_before || limits_.cpu.online != online_before ||
           limits_.memory.total_bytes != total_before;
}

void LimitsReader::evaluate() {
    limits_.warnings.clear();
    if (!machine_warning_.empty()) limits_.warnings.push_back(machine_warning_);
    cpu_.evaluate(*source_, limits_.cpu, limits_.warnings);
    memory_.evaluate(*source_, limits_.memory, limits_.warnings);
}

bool LimitsReader::group_removed() const {
    for (const auto* files : {&cpu_.files(), &memory_.files()})
        for (const LimitFile& file : *files)
            if (file.removed()) return true;
    return false;
}

bool LimitsReader::was_moved() {
    if (!membership_fd_) return false;
    if (!read_whole(membership_fd_.get(), kMembershipCapBytes, scratch_).ok()) return true;
    return scratch_ != membership_text_;
}

std::vector<int> LimitsReader::open_files() const {
    std::vector<int> descriptors;
    for (const auto* files : {&cpu_.files(), &memory_.files()})
        for (const LimitFile& file : *files)
            if (!file.is_costly() && file.is_open()) descriptors.push_back(file.descriptor());
    return descriptors;
}

}  // namespace pilotfish::cgroup
