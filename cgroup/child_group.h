// One child group: a directory in each hierarchy, its limits, the way in for a process that is
// about to be born, and the end of everybody in it.
//
// Thread-safety: const members, any thread; others one thread at a time. Ownership: the directories
// are the kernel's and stay until remove(); the value only names them. Blocks as cgroupfs does;
// remove() as long as it is told to. Fails: by a sentence; a limit that is refused does not undo
// the group (apply() returns each).
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cgroup/file_source.h"
#include "cgroup/group_parent.h"
#include "cgroup/group_values.h"
#include "core/result.h"

namespace pilotfish::cgroup {

// A cgroup.procs, open for writing.
struct GroupDoor {
    UniqueFd procs;
    std::string path;
};

// The open doors of a group. A child enters by writing "0" into each of `v1` between clone and
// exec; by clone3(CLONE_INTO_CGROUP) with `directory` it is born inside, and enters `unified` only
// where clone3 cannot be used.
struct GroupDoors {
    UniqueFd directory;                // of the v2 group, if there is one and clone3 is of use
    std::optional<GroupDoor> unified;  // into the same
    std::vector<GroupDoor> v1;
    // To be set by who sees the kernel kill a child at its birth by clone3; later doors have no
    // directory then.
    std::shared_ptr<std::atomic<bool>> kills_newborn;
};

// One directory of a group.
struct GroupPlace {
    int version = 0;
    std::string directory;
    std::vector<std::string> controllers;
    bool operator==(const GroupPlace&) const = default;
};

class ChildGroup {
  public:
    // name: one component. What is there already is used, and what cannot be made is left out.
    // Fails when nothing can be made.
    static core::Result<ChildGroup> create(const std::vector<GroupParent>& parents,
                                           const std::string& name, const GroupLimits& limits);

    const std::vector<GroupPlace>& places() const { return places_; }
    // Why it has no place in some hierarchies.
    const std::vector<core::Error>& left_out() const { return left_out_; }
    // Where the files of a controller stand; nullptr: it has none here.
    const GroupPlace* place_of(std::string_view controller) const;
    // False when somebody removed it under us.
    bool exists() const;

    // Writes the limits that differ from what the kernel says, and reads them back. An error for
    // each that it did not take.
    std::vector<core::Error> apply(const GroupLimits& limits) const;

    // Does the kernel say every one of these limits? False when the group lacks a controller that
    // one of them needs.
    bool holds(const GroupLimits& limits) const;

    core::Result<GroupDoors> open_doors() const;
    // What its last inhabitants made of it is undone, so that it can be entered again: no groups
    // below it and, on v2, nothing handed down to them. Nothing happens while somebody is in it.
    void clear() const;

    // Zombies do not count.
    bool populated() const;
    // Everybody in it and in groups below it, as our PID namespace names them; 0: not named.
    std::vector<pid_t> processes() const;
    // Sends to each process of ours that is in it, but not to those of the process group `except`.
    // Returns to how many.
    int signal_all(int signal, pid_t except = 0) const;
    // SIGKILL for everybody at once, so that no fork gets away. Does not wait for their end.
    void kill_all() const;
    // Kills whoever is left and removes the directories, waiting for the kernel to let go of them.
    core::Result<void> remove(std::chrono::milliseconds patience) const;

  private:
    explicit ChildGroup(std::vector<GroupPlace> places);
    const GroupPlace& tracker() const { return places_[tracker_]; }
    void kill_by_passes() const;

    std::vector<GroupPlace> places_;  // at least one
    std::vector<core::Error> left_out_;
    std::size_t tracker_ = 0;  // the place that knows best who is in it
    // Shared by copies, which name the same group.
    std::shared_ptr<std::atomic<bool>> kills_newborn_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace pilotfish::cgroup
