#include "daemon/container_facts.h"

#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "cgroup/group_parent.h"
#include "daemon/small_file.h"

namespace pilotfish::daemon {
namespace {

std::optional<std::uint64_t> number(std::string_view text, int base) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end == text.data()) return std::nullopt;
    return value;
}

// Of /proc/self/status.
std::optional<std::uint64_t> field(std::string_view status, std::string_view name, int base) {
    for (std::size_t at = 0; at < status.size();) {
        const std::size_t end = std::min(status.find('\n', at), status.size());
        const std::string_view line = status.substr(at, end - at);
        if (line.starts_with(name)) return number(line.substr(name.size()), base);
        at = end + 1;
    }
    return std::nullopt;
}

std::optional<int> small_number(const char* path) {
    const auto text = read_small_file(path, 64);
    if (!text) return std::nullopt;
    int value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc()) return std::nullopt;
    return value;
}

}  // namespace

ContainerFacts container_facts() {
    ContainerFacts facts;
    facts.pid = getpid();
    facts.uid = geteuid();
    if (const auto status = read_small_file("/proc/self/status", 65536)) {
        facts.capabilities = field(*status, "CapEff:", 16);
        if (const auto value = field(*status, "NoNewPrivs:", 10))
            facts.no_new_privileges = *value != 0;
        if (const auto value = field(*status, "Seccomp:", 10))
            facts.seccomp_mode = static_cast<int>(*value);
    }
    facts.yama_scope = small_number("/proc/sys/kernel/yama/ptrace_scope");
    facts.perf_paranoid = small_number("/proc/sys/kernel/perf_event_paranoid");
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        facts.open_files = files.rlim_cur;
        facts.open_files_most = files.rlim_max;
    }
    facts.is_kubernetes = std::getenv("KUBERNETES_SERVICE_HOST") != nullptr;
    facts.has_pressure = access("/proc/pressure/memory", R_OK) == 0;
    facts.groups_writable =
        !cgroup::GroupParents::foresee(cgroup::FileSource::this_process(), {"cpu", "memory"})
             .empty();
    facts.trials = try_on_a_child();
    return facts;
}

bool has_capability(const ContainerFacts& facts, int capability) {
    return facts.capabilities && (*facts.capabilities >> capability & 1) != 0;
}

}  // namespace pilotfish::daemon
