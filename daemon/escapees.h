// Who left a worker's process group, by setsid or a double fork: whose is an orphan that came to
// us?
//
// A child group knows (cgroup/child_group.h). In the normal pod, where there is none, it is told by
// what an orphan inherited: the PILOTFISH_WORKER, PILOTFISH_INSTANCE and PILOTFISH_CONTROL_SOCKET
// of its first environment (/proc/PID/environ), and that it is no older than the run. The socket
// tells our workers from those of a pilotfish that runs as one of them. All below such an orphan is
// taken with it, under whatever name. Who has a living parent comes to us, and is found, when that
// ends.
//
// Not found: who was started with an environment made anew (env -i, sudo), or wrote another title
// over it (setproctitle: nginx, postgres); whose environment we may not read (another user's,
// without CAP_SYS_PTRACE); and nobody on a kernel without CONFIG_PROC_CHILDREN. They are told at
// the container's end.
//
// Thread-safety: the worker's own task alone. Requires: no lock that a ProcessListener takes.
// Blocks: on reading /proc; one small file (15 us) while no orphan is here, else some 30 us for
// each that is, whoever's; and as ProcessTable::reap(). Fails: who cannot be read is not found.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/descendants.h"
#include "daemon/process_table.h"

namespace pilotfish::daemon {

// Does the text of /proc/PID/environ hold all of these "NAME=value"? No marks are nobody's.
bool holds_marks(std::string_view environ_text, const std::vector<std::string>& marks);

class Escapees {
  public:
    // A run starts now, with this environment.
    void run_begins(const std::vector<std::string>& environment);
    // An upgrade's next image has this run; its leader is our child, dead or alive.
    void run_goes_on(std::vector<std::string> environment, pid_t leader);

    // SIGTERM and SIGCONT, once, for each who is here; who comes while others take their time is
    // told when those are gone. True while any is.
    bool tell(ProcessTable& processes);
    // As kill_descendants() does.
    void kill(ProcessTable& processes);

  private:
    void take_marks(const std::vector<std::string>& environment);
    std::vector<Descendant> find(ProcessTable& processes) const;

    static constexpr std::uint64_t kNoRun = std::numeric_limits<std::uint64_t>::max();
    std::vector<std::string> marks_;
    std::uint64_t since_ticks_ = kNoRun;
    std::vector<Descendant> told_;
};

}  // namespace pilotfish::daemon
