// What can be seen of the container that this process is in, beside its limits: as plain values, so
// that whatever is concluded from them can be tested without that container.
//
// Any thread. Owns its text. Blocks on a few files of /proc; trials: daemon/trial.h. Fails: never;
// what cannot be read is nullopt.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "daemon/capabilities.h"
#include "daemon/trial.h"

namespace pilotfish::daemon {

struct ContainerFacts {
    pid_t pid = 0;  // as this process sees itself
    uid_t uid = 0;
    CapabilityMask capabilities = 0;
    bool no_new_privileges = false;
    bool is_filtered = false;       // by seccomp
    std::optional<int> yama_scope;  // kernel.yama.ptrace_scope; nullopt: no Yama
    std::optional<int> perf_paranoid;
    std::uint64_t open_files = 0;  // the soft limit; 0: not known
    std::uint64_t open_files_most = 0;
    bool is_kubernetes = false;
    bool has_pressure = false;     // PSI is there
    bool groups_writable = false;  // child groups can be made
    Trials trials;
};

// Tries what the kernel allows, too.
ContainerFacts container_facts();

bool has_capability(const ContainerFacts& facts, int capability);

}  // namespace pilotfish::daemon
