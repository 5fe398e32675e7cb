// Starts one child process: its own process group, its cgroup, limits, signals, descriptors and
// directory as asked, and a true answer whether exec succeeded.
//
// Thread-safety: any thread, but PR_SET_PDEATHSIG follows it (daemon/spawner.h); the caller holds
// the process table's lock so that a child that ends at once is not reaped before it is known
// (daemon/process_table.h). Ownership: the returned pidfd is the caller's. Blocks: the calling
// thread, until the child's execve succeeded or failed (vfork's rule). Fails: a SpawnError with the
// stage, the errno and the exit status a shell would give (126, 127).
#pragma once

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "cgroup/child_group.h"
#include "config/resource_amount.h"
#include "core/result.h"
#include "daemon/identity.h"
#include "daemon/program_path.h"

namespace pilotfish::daemon {

// In place of a descriptor: /dev/null.
inline constexpr int kNullDevice = -1;

// One more descriptor that the child is given.
struct SpawnDescriptor {
    int source = kNullDevice;  // ours; may have any number, also another one's target
    int target = -1;           // its number in the child, above 2, each once
};

struct SpawnRequest {
    std::vector<std::string> command;      // argv; command[0] is looked up in PATH of `environment`
    std::vector<std::string> environment;  // NAME=value
    std::string directory;                 // entered as the user it becomes; empty: stay
    // What becomes descriptors 0, 1 and 2. Requires: ours are open (main sees to it).
    int stdin_fd = 0;
    int stdout_fd = 1;
    int stderr_fd = 2;
    std::vector<SpawnDescriptor> descriptors;  // whatever was inherited under their targets
    bool inherit_descriptors = false;   // pass on what was inherited above 2; else all are closed
    std::optional<int> foreground_tty;  // terminal whose foreground group the child becomes
    std::string pid_variable;           // of its environment: is to hold the child's own pid
    sigset_t mask{};                    // blocked set of the child
    bool ignore_sigpipe = false;
    bool ignore_sigchld = false;
    // The group it is born in, held open until spawn() returns; null: ours.
    const cgroup::GroupDoors* group = nullptr;
    std::optional<std::int64_t> pids_cap;  // of that group, for what is said when it is used up
    std::optional<int> oom_score_adj;      // nullopt: ours
    std::vector<config::ResourceLimit> resource_limits;
    Identity identity;  // nothing said: ours
};

struct SpawnedProcess {
    pid_t pid = -1;
    int pidfd = -1;  // CLOEXEC
};

struct SpawnError {
    core::Error error;      // "cannot start nginx: /usr/sbin/nginx: permission denied"
    int exit_code = 125;    // 127 not found, 126 found but not executable, 125 anything of ours
    bool of_group = false;  // it could not enter its group; without one it may start
};

struct SpawnResult {
    std::optional<SpawnedProcess> process;
    SpawnError error;  // meaningful when !process
};

SpawnResult spawn(const SpawnRequest& request);

}  // namespace pilotfish::daemon
