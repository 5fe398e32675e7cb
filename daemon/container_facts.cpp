#include "daemon/container_facts.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>

#include "cgroup/group_parent.h"
#include "cgroup/parse_number.h"
#include "daemon/small_file.h"

namespace pilotfish::daemon {
namespace {

std::optional<int> number_in(const char* path) {
    const auto text = read_small_file(path, 64);
    return text ? cgroup::parse_number<int>(cgroup::trim(*text)) : std::nullopt;
}

}  // namespace

ContainerFacts container_facts() {
    ContainerFacts facts;
    facts.pid = getpid();
    facts.uid = geteuid();
    facts.capabilities = own_capabilities();
    facts.no_new_privileges = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
    facts.is_filtered = prctl(PR_GET_SECCOMP) == 2;
    facts.yama_scope = number_in("/proc/sys/kernel/yama/ptrace_scope");
    facts.perf_paranoid = number_in("/proc/sys/kernel/perf_event_paranoid");
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
    return (facts.capabilities >> capability & 1) != 0;
}

}  // namespace pilotfish::daemon
