// What a child made by spawn() is told before it exists, and what it reports back: the seam between
// daemon/spawn.cpp (our side), daemon/spawn_child.cpp (its side) and daemon/spawn_error.cpp (the
// sentences).
//
// For those three alone. One thread: the child writes its report into its parent's memory while
// that one sleeps. Owns what is filled in before the clone; the child allocates nothing.
#pragma once

#include <sys/resource.h>

#include <atomic>
#include <string>
#include <vector>

#include "daemon/child_calls.h"
#include "daemon/spawn.h"

namespace pilotfish::daemon {

// Where a child gave up.
enum class Stage : int {
    none,
    group,
    oom_score,
    descriptors,
    resource_limit,
    nice,
    io_priority,
    bounding_set,
    groups,
    group_id,
    user_id,
    capabilities,
    no_new_privs,
    directory,
    death_signal,
    exec,
};

struct KernelLimit {
    int resource;
    rlimit64 value;
};

struct Plan {
    const SpawnRequest* request;
    char* const* argv;
    char* const* envp;
    const char* const* candidates;  // paths to try, null-terminated
    char* const* shell_argv;        // argv behind "/bin/sh PATH" for a script without "#!"
    char* listen_pid_digits;        // where our pid is to be written, or null
    int null_fd;
    bool enters_unified = false;  // by itself, not by clone3
    std::string oom_score = {};   // as it is written
    std::vector<KernelLimit> limits = {};
    int highest_target = 2;               // of the descriptors it is given
    uid_t user = 0;                       // the daemon's
    pid_t daemon = -1;                    // who its parent is to be
    std::vector<int> lifted = {};         // room for the copies of SpawnRequest::descriptors
    char* own_pid_digits = nullptr;       // as listen_pid_digits, of SpawnRequest::pid_variable
    std::atomic<pid_t>* child = nullptr;  // where the child tells its guard who it is
    // The child's report.
    bool began = false;  // false for good: it was killed at its birth
    Stage stage = Stage::none;
    int error = 0;
    const char* failed_path = nullptr;
    std::size_t failed_limit = 0;
};

// All that the child does, up to its exec. argument: the Plan. Never returns.
int spawned_child(void* argument);

// Parts of it. Each gives up by itself.
[[noreturn]] void give_up(Plan& plan, Stage stage, int error, const char* path);
void take_identity(Plan& plan);
void bind_life_to_daemon(Plan& plan);

// What went wrong in it. Requires: plan.stage is not none.
SpawnError describe(const Plan& plan, const SpawnRequest& request);

}  // namespace pilotfish::daemon
