// PILOTFISH_EXIT_WITH: in a pod whose containers share a PID namespace, ends this one when a
// process of another does. A sidecar that is no native one holds a Job open; with this it does not.
//
// The process is looked for in /proc once a second until it was there, and then waited for by
// pidfd, without looking any more. When all of that name are gone, /proc is looked at once more:
// whoever took over is waited for, too. A process that begins and ends between two looks is not
// seen. Where no pidfd is to be had (seccomp, no descriptors left) the looks go on each second; a
// look that could not see everything ends nothing.
//
// Thread-safety: run() once, a task; look_for_process(), any thread. Ownership: owns its
// descriptors. Blocks: look_for_process() while it reads /proc, some 20 us a process. Fails: never;
// where nobody of another container can be seen a warning says what to do.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/task.h"

namespace pilotfish::daemon {

struct ProcessLook {
    std::vector<pid_t> found;  // alive, of that name, neither we nor a descendant of ours
    bool sees_others = false;  // of whatever name
    bool complete = true;      // false: without descriptors /proc could not be read
};

// By the name of its executable, or by what the kernel calls it: the latter is cut to 15 bytes, and
// is all that can be read of another user's process.
ProcessLook look_for_process(const std::string& name);

class ExitWith {
  public:
    // The system behind a seam.
    struct Eyes {
        std::function<ProcessLook(const std::string& name)> look;
        std::function<int(pid_t)> open_pidfd;
        std::chrono::milliseconds pause;
        static Eyes of_system();
    };

    // end: called once, by: as a verdict says it, "the end of nginx (PILOTFISH_EXIT_WITH)". name:
    // empty, nothing to do.
    ExitWith(std::string name, std::function<void(std::string by)> end,
             Eyes eyes = Eyes::of_system())
        : name_(std::move(name)), end_(std::move(end)), eyes_(std::move(eyes)) {}

    bool is_wanted() const { return !name_.empty(); }
    core::Task<void> run();

  private:
    void say_missing(const ProcessLook& look) const;

    const std::string name_;
    const std::function<void(std::string)> end_;
    const Eyes eyes_;
};

}  // namespace pilotfish::daemon
