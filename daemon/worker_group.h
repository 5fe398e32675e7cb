// The child groups of the workers: who gets one, with which limits, and what holds where cgroups
// cannot be written (the normal pod).
//
// Nothing is touched unless a setting asks for a group. Then the constructor readies the place, so
// it comes before the limits are read; each group is made at its worker's first start, kept over
// its restarts and removed at the container's end.
//
// Thread-safety: end() after all else, when_made() and when_gone() before; the others, any thread.
// Ownership: owns the groups on disk; borrows the configuration. Blocks as cgroupfs does; end() up
// to half a second for processes that take long to die. Fails: never; what cannot be had is said
// in notices() or the log, once, and the worker starts without it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cgroup/child_group.h"
#include "cgroup/group_owner.h"
#include "cgroup/group_parent.h"
#include "config/load.h"
#include "core/limits.h"
#include "core/log.h"
#include "daemon/container_limits.h"
#include "daemon/own_group.h"

namespace pilotfish::daemon {

using SharedGroup = std::shared_ptr<const cgroup::ChildGroup>;

// A worker's caps. Shares are of the container's limit, or of the machine where it has none; a CPU
// cap above the container's is the container's.
cgroup::GroupLimits group_limits(const config::WorkerSettings& settings,
                                 const core::Limits& limits);

// By PILOTFISH_CHILD_GROUPS: `auto` gives one to a worker with a cap or a weight. A hosted task
// runs in the daemon's own process and never has one.
bool wants_group(const config::WorkerSettings& settings, config::ChildGroups choice);

// For a look ahead, which makes and changes nothing: where groups could be made, and what would
// then hold of this worker's, if the kernel takes its caps.
std::vector<cgroup::GroupParent> foreseen_parents(const config::Configuration& configuration);
OwnGroup foreseen_group(const config::WorkerSettings& settings, config::ChildGroups choice,
                        const std::vector<cgroup::GroupParent>& parents,
                        const core::Limits& limits);

class WorkerGroups final : public LimitsListener {
  public:
    // Where somebody wants a group: removes what dead daemons left, and makes this process ready to
    // have groups below its own.
    explicit WorkerGroups(const config::Configuration& configuration);
    ~WorkerGroups();
    WorkerGroups(const WorkerGroups&) = delete;
    WorkerGroups& operator=(const WorkerGroups&) = delete;

    struct Notice {
        core::LogLevel level;
        std::string line;
    };
    // What there was to say before speak().
    std::vector<Notice> notices() const;
    // The daemon has introduced itself: says the notices, and from now on all at once.
    void speak();

    // The container's limits, at the start and whenever they have changed: shares are computed
    // anew and written.
    void apply(const core::Limits& limits);

    void limits_changed(const LimitsSnapshot& now) override { apply(now.limits); }

    // Called with each group that is made, before anybody is born in it. To be set before ready().
    using WhenMade = std::function<void(const std::string& worker, const cgroup::ChildGroup&)>;
    void when_made(WhenMade tell) { when_made_ = std::move(tell); }
    // Called before a group that was made is given up, its worker being about to start.
    void when_gone(std::function<void(const std::string& worker)> tell) {
        when_gone_ = std::move(tell);
    }

    // The group of the worker's next run; null: it has none.
    SharedGroup ready(const config::WorkerSettings& settings);
    // What the kernel says of the group that ready() gave; all false without one.
    OwnGroup own_group_of(const config::WorkerSettings& settings) const;

    // The worker could not be started in its group. The first time of a start the group is made
    // anew; null: it goes on without one, which is said once in its life.
    SharedGroup instead(const config::WorkerSettings& settings, const core::Error& failure,
                        bool first);

    // The worker has ended and leaves, or has other settings now: its group is removed, with
    // whoever is still in it. Blocks for a moment where somebody takes long to die.
    void forget(const std::string& worker);

    // Kills whoever is left in the groups and removes them.
    void end();

  private:
    void prepare();
    void say_problems();
    void say_stale(const cgroup::StaleGroups& stale);
    void say(core::LogLevel level, std::string line);
    void goes_without(const std::string& worker, const core::Error& reason);
    void set_limits(const std::string& worker, const cgroup::ChildGroup& group,
                    const cgroup::GroupLimits& limits);

    const config::Configuration& configuration_;
    WhenMade when_made_;
    std::function<void(const std::string&)> when_gone_;
    mutable std::mutex notices_mutex_;  // nothing else is locked within it
    std::vector<Notice> notices_;
    bool speaks_ = false;
    bool wanted_ = false;  // by somebody at the start; else nothing was prepared
    std::optional<cgroup::GroupOwner> owner_;  // set: groups can be made

    mutable std::mutex mutex_;
    cgroup::GroupParents parents_;
    core::Limits limits_;
    std::map<std::string, SharedGroup> groups_;               // by worker
    std::map<std::string, config::WorkerSettings> settings_;  // of those
    std::map<std::string, std::string> said_;                 // by worker: the last complaint
    std::set<std::string> without_;                           // workers of which it was said
};

}  // namespace pilotfish::daemon
