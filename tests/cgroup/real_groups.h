// Real cgroup directories for tests: a group of its own in each hierarchy that has a controller,
// where this process may make them, and children that live in a group.
//
// One thread. Owns the directories: all that is left in them is killed and removed at the end.
#pragma once

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "cgroup/child_group.h"
#include "cgroup/finder.h"
#include "cgroup/group_files.h"

namespace pilotfish::tests {

// A child of this process that runs `body`, if any, and then waits for its death.
class WaitingChild {
  public:
    explicit WaitingChild(const std::function<void()>& body = {}) {
        int ready[2];
        if (pipe(ready) != 0) return;
        pid_ = fork();
        if (pid_ == 0) {
            if (body) body();
            if (write(ready[1], "", 1) != 1) _exit(1);
            for (;;) pause();
        }
        close(ready[1]);
        char byte;
        while (read(ready[0], &byte, 1) < 0 && errno == EINTR) {
        }
        close(ready[0]);
    }
    WaitingChild(const WaitingChild&) = delete;
    WaitingChild& operator=(const WaitingChild&) = delete;
    ~WaitingChild() {
        if (pid_ <= 0) return;
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    pid_t pid() const { return pid_; }
    // The signal it died by.
    int wait() {
        int status = 0;
        waitpid(pid_, &status, 0);
        pid_ = -1;
        return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    }

  private:
    pid_t pid_ = -1;
};

class RealParents {
  public:
    explicit RealParents(const std::vector<std::string>& controllers) {
        const cgroup::FileSource here = cgroup::FileSource::this_process();
        const cgroup::Tables tables = cgroup::read_tables(here);
        static int number = 0;
        const std::string name =
            "/pilotfish-test-" + std::to_string(getpid()) + "-" + std::to_string(number++);
        for (const std::string& controller : controllers) {
            const cgroup::Place place = controller == "unified"
                                            ? cgroup::find_unified(here, tables)
                                            : cgroup::find_controller(here, tables, controller);
            const bool v2 = controller == "unified";
            if (place.directories.empty() || place.version != (v2 ? 2 : 1)) {
                why_not_ = "no " + controller + " hierarchy of that version here";
                return;
            }
            const std::string directory = place.directories.front() + name;
            if (mkdir(directory.c_str(), 0755) != 0) {
                why_not_ = core::system_error("make " + directory, errno).message;
                return;
            }
            std::vector<std::string> own;
            if (!v2) own.push_back(controller);
            list_.push_back({place.version, place.mount_point, directory, own});
        }
    }
    RealParents(const RealParents&) = delete;
    RealParents& operator=(const RealParents&) = delete;
    ~RealParents() {
        for (const cgroup::GroupParent& parent : list_) {
            for (const pid_t pid : cgroup::processes_in(cgroup::groups_below(parent.directory)))
                if (pid > 0 && pid != getpid()) kill(pid, SIGKILL);
            // The kernel takes the killed away in its own time.
            for (int tries = 0; tries < 2000; ++tries) {
                if (cgroup::remove_groups(parent.directory) == 0) break;
                usleep(1000);
            }
        }
    }
    // Not empty: these hierarchies cannot be used here, for this reason.
    const std::string& why_not() const { return why_not_; }
    const std::vector<cgroup::GroupParent>& list() const { return list_; }

  private:
    std::vector<cgroup::GroupParent> list_;
    std::string why_not_;
};

inline void enter_by(const cgroup::ChildGroup& group) {
    for (const cgroup::GroupPlace& place : group.places()) {
        if (!cgroup::write_group_file(place.directory + "/cgroup.procs", "0")) _exit(9);
    }
}

}  // namespace pilotfish::tests
