// Where child groups can be made: a directory in each hierarchy that has a controller they need,
// and what must be done to it before.
//
// On v2 a group that hands controllers down to children may hold no process itself (the root of
// the machine excepted). So the daemon first moves to a leaf beside its workers' groups,
// kDaemonLeaf (cgroup/finder.h), and only itself: who else stands in the group is not ours to move
// (a shell that started us without exec, say), and where somebody does the answer is a sentence.
//
// GroupParents: one thread at a time; it owns the move and takes it back, at take_back() or at the
// end of its life. Blocks as cgroupfs does. Fails: never as a whole; problems() has a sentence for
// each controller that cannot be had.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cgroup/file_source.h"
#include "cgroup/finder.h"
#include "core/result.h"

namespace pilotfish::cgroup {

// One directory below which groups are made.
struct GroupParent {
    int version = 0;
    std::string mount_point;
    std::string directory;                 // below the mount point, or itself
    std::vector<std::string> controllers;  // wanted ones; of v1 "freezer", and of a v2 hierarchy
                                           // beside v1 none: by them processes are found
};

// Why a controller cannot be had.
struct GroupProblem {
    std::string controller;
    std::string sentence;
    bool is_read_only = false;  // we may not write there: the normal pod
};

// Every directory where a daemon like us may have made groups, whatever it was asked for: one in
// each hierarchy that could be written.
std::vector<GroupParent> all_group_parents(const FileSource& source);

class GroupParents {
  public:
    // Finds a parent for each of these controllers ("cpu", "memory", "pids") and makes it ready.
    static GroupParents prepare(const FileSource& source,
                                const std::vector<std::string>& controllers);
    // Where prepare() would most likely have them; changes nothing. It does not foresee that other
    // processes stand in a v2 group.
    static std::vector<GroupParent> foresee(const FileSource& source,
                                            const std::vector<std::string>& controllers);
    static std::optional<GroupParent> foresee(GroupParent parent);
    // The same as prepare() where the directory is known.
    static GroupParents prepare(GroupParent parent);
    GroupParents() = default;
    GroupParents(GroupParents&&) noexcept = default;
    GroupParents& operator=(GroupParents&&) noexcept = default;
    ~GroupParents();

    // None: groups cannot be made at all.
    const std::vector<GroupParent>& list() const { return parents_; }
    const std::vector<GroupProblem>& problems() const { return problems_; }

    // Hands nothing down any more and leaves the leaf, unless somebody else uses either. Requires:
    // the groups made below are gone.
    void take_back();

  private:
    // What was done to a v2 directory.
    struct Change {
        std::string directory;
        std::vector<std::string> enabled;
        bool moved = false;
        std::vector<std::string> neighbours = {};  // groups that were there before
    };

    void add(GroupParent parent);
    void add_tracker(const FileSource& source, const Tables& tables);
    core::Result<void> make_ready(GroupParent& parent);
    core::Result<void> move_to_leaf(Change& change);
    void refuse(const std::vector<std::string>& controllers, const core::Error& reason);

    std::vector<GroupParent> parents_;
    std::vector<GroupProblem> problems_;
    std::vector<Change> changes_;
};

}  // namespace pilotfish::cgroup
