// Making a group, and ending everybody in it.
//
// Groups on v1 are made by libcgroup, on v2 by mkdir: there the library knows too little (see
// cgroup/libcgroup_group.h). Whichever it was, the directory is looked at and every value is read
// back, and what is not as asked is written by hand; so the library's half-done answers do not
// matter, and a system where it cannot start (no /proc/cgroups) is served as well.
//
// The end is a race against fork. v2: cgroup.kill (Linux 5.14) kills all that is in the group and
// all that is being forked into it. Before that, and on v1: freeze, kill each, thaw; the frozen do
// not fork. With neither, passes until one finds nobody new. Members are named by pid, which may be
// reused between reading and killing: a pidfd is opened first and the list read again, and only who
// is still in it is killed, so whoever the descriptor means was in the group when it was opened.
//
// A group that was killed in this way may be one that clone3(CLONE_INTO_CGROUP) cannot be used for
// any more: the kernel counts the kills of each group, to end whoever is being forked meanwhile,
// but at the beginning of the clone it takes the count of the caller's group for that of the new
// one (kernel/cgroup/cgroup.c, cgroup_css_set_fork and cgroup_post_fork; measured on 6.18), and
// ends every later child at its birth where the two differ. Our own kills are known, so after one
// the doors have no directory, and the next run enters by cgroup.procs; what others killed, this
// group or the one that we are in, shows by a child that dies before its first instruction, and
// who sees that (daemon/spawn.cpp) says so through the doors.
//
// Emptiness. v2 tells by cgroup.events, which wakes a poll. A hybrid host's v2 hierarchy, with no
// controller at all, tells it for the v1 groups too. v1 alone tells nobody: there remove() tries
// rmdir again each millisecond, for EBUSY is its only answer.
#include "cgroup/child_group.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "cgroup/group_files.h"
#include "cgroup/libcgroup_group.h"
#include "cgroup/parse_number.h"
#include "core/log.h"
#include "core/pidfd.h"

namespace pilotfish::cgroup {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

bool has(const GroupPlace& place, std::string_view controller) {
    return std::find(place.controllers.begin(), place.controllers.end(), controller) !=
           place.controllers.end();
}

core::Result<void> make_directory(const GroupParent& parent, const std::string& name,
                                  const GroupLimits& limits) {
    const std::string directory = parent.directory + "/" + name;
    if (access(directory.c_str(), F_OK) == 0) return {};
    if (parent.version == 1 && !parent.controllers.empty() && has_libcgroup()) {
        const std::string& controller = parent.controllers.front();
        std::string below = parent.directory.substr(parent.mount_point.size()) + "/" + name;
        below.erase(0, below.find_first_not_of('/'));
        const auto made = create_with_libcgroup(controller, parent.mount_point, below,
                                                values_for(limits, controller, 1));
        if (!made) core::log(core::LogLevel::debug, "cgroup", made.error().message);
    }
    if (mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST)
        return core::system_error("make group " + directory, errno);
    return {};
}

std::size_t best_tracker(const std::vector<GroupPlace>& places) {
    for (std::size_t at = 0; at < places.size(); ++at)
        if (places[at].version == 2) return at;
    for (std::size_t at = 0; at < places.size(); ++at)
        if (has(places[at], "freezer")) return at;
    return 0;
}

core::Result<void> open_file(const std::string& path, int flags, UniqueFd& fd) {
    fd = UniqueFd(open(path.c_str(), flags | O_CLOEXEC));
    if (fd) return {};
    return core::system_error("open " + path, errno);
}

// Who is in these directories now, each by a descriptor that means nobody else.
class Members {
  public:
    explicit Members(const std::vector<std::string>& directories) {
        std::vector<pid_t> pids = processes_in(directories);
        std::sort(pids.begin(), pids.end());
        pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
        for (const pid_t pid : pids) {
            if (pid == 0 || pid == getpid()) continue;
            UniqueFd fd(core::open_pidfd(pid));
            if (fd) members_.push_back({pid, std::move(fd)});
        }
        if (members_.empty()) return;
        const std::vector<pid_t> still = processes_in(directories);
        std::erase_if(members_, [&](const Member& member) {
            return std::find(still.begin(), still.end(), member.pid) == still.end();
        });
    }

    struct Member {
        pid_t pid;
        UniqueFd fd;
    };
    const std::vector<Member>& list() const { return members_; }

  private:
    std::vector<Member> members_;
};

// A group that forks faster than it is killed is slowed by each pass; 64 end the wildest seen.
constexpr int kMostPasses = 64;

void kill_in_passes(const std::vector<std::string>& directories) {
    std::vector<pid_t> known;
    for (int pass = 0; pass < kMostPasses; ++pass) {
        bool anybody_new = false;
        const Members members(directories);
        for (const auto& [pid, fd] : members.list()) {
            core::send_signal(fd.get(), SIGKILL);
            if (std::find(known.begin(), known.end(), pid) != known.end()) continue;
            known.push_back(pid);
            anybody_new = true;
        }
        if (!anybody_new) return;
    }
}

}  // namespace

ChildGroup::ChildGroup(std::vector<GroupPlace> places)
    : places_(std::move(places)), tracker_(best_tracker(places_)) {}

core::Result<ChildGroup> ChildGroup::create(const std::vector<GroupParent>& parents,
                                            const std::string& name, const GroupLimits& limits) {
    PF_CHECK(!parents.empty(), "a child group without a place");
    std::vector<GroupPlace> places;
    std::vector<core::Error> left_out;
    for (const GroupParent& parent : parents) {
        auto made = make_directory(parent, name, limits);
        if (!made) {
            left_out.push_back(made.error());
            continue;
        }
        places.push_back({parent.version, parent.directory + "/" + name, parent.controllers});
    }
    if (places.empty()) return left_out.front();
    ChildGroup group(std::move(places));
    group.left_out_ = std::move(left_out);
    return group;
}

const GroupPlace* ChildGroup::place_of(std::string_view controller) const {
    for (const GroupPlace& place : places_)
        if (has(place, controller)) return &place;
    return nullptr;
}

bool ChildGroup::exists() const {
    return std::all_of(places_.begin(), places_.end(), [](const GroupPlace& place) {
        return access(place.directory.c_str(), F_OK) == 0;
    });
}

std::vector<core::Error> ChildGroup::apply(const GroupLimits& limits) const {
    std::vector<core::Error> refused;
    for (const GroupPlace& place : places_) {
        for (const std::string& controller : place.controllers) {
            for (const GroupValue& value : values_for(limits, controller, place.version)) {
                const std::string path = place.directory + "/" + value.file;
                const auto before = read_group_file(path);
                if (before && is_answer_to(value, *before)) continue;
                if (auto written = write_group_file(path, value.text); !written) {
                    refused.push_back(written.error());
                    continue;
                }
                const auto after = read_group_file(path);
                if (after && is_answer_to(value, *after)) continue;
                refused.push_back({"cannot set " + path + " to " + value.text + ": it says " +
                                   after.value_or("nothing")});
            }
        }
    }
    return refused;
}

bool ChildGroup::holds(const GroupLimits& limits) const {
    for (const std::string& controller : controllers_for(limits)) {
        const GroupPlace* const place = place_of(controller);
        if (place == nullptr) return false;
        for (const GroupValue& value : values_for(limits, controller, place->version)) {
            const auto now = read_group_file(place->directory + "/" + value.file);
            if (!now || !is_answer_to(value, *now)) return false;
        }
    }
    return true;
}

core::Result<GroupDoors> ChildGroup::open_doors() const {
    GroupDoors doors;
    doors.kills_newborn = kills_newborn_;
    for (const GroupPlace& place : places_) {
        GroupDoor door{{}, place.directory + "/cgroup.procs"};
        if (auto opened = open_file(door.path, O_WRONLY, door.procs); !opened)
            return opened.error();
        if (place.version == 1) {
            doors.v1.push_back(std::move(door));
            continue;
        }
        doors.unified = std::move(door);
        if (kills_newborn_->load()) continue;
        auto opened = open_file(place.directory, O_RDONLY | O_DIRECTORY, doors.directory);
        if (!opened) return opened.error();
    }
    return doors;
}

// A container engine or a systemd in the worker makes groups below ours and hands controllers down
// to them; after that ours may hold no process of its own, and every entry is EBUSY.
void ChildGroup::clear() const {
    if (populated()) return;
    for (const GroupPlace& place : places_) {
        for (const std::string& group : groups_below(place.directory))
            if (group != place.directory) remove_groups(group);
        if (place.version != 2) continue;
        const std::string file = place.directory + "/cgroup.subtree_control";
        for (const std::string& controller : words_of(read_group_file(file).value_or("")))
            (void)write_group_file(file, "-" + controller).ok();
    }
}

bool ChildGroup::populated() const {
    if (tracker().version == 2) {
        const auto events = read_group_file(tracker().directory + "/cgroup.events");
        if (events) return find_value(*events, "populated").value_or(0) != 0;
    }
    return !processes().empty();
}

std::vector<pid_t> ChildGroup::processes() const {
    return processes_in(groups_below(tracker().directory));
}

int ChildGroup::signal_all(int signal, pid_t except) const {
    int told = 0;
    const Members members(groups_below(tracker().directory));
    for (const auto& [pid, fd] : members.list()) {
        if (except != 0 && getpgid(pid) == except) continue;
        told += core::send_signal(fd.get(), signal) == 0 ? 1 : 0;
    }
    return told;
}

void ChildGroup::kill_all() const {
    const bool by_kernel =
        tracker().version == 2 && write_group_file(tracker().directory + "/cgroup.kill", "1").ok();
    if (by_kernel) {
        kills_newborn_->store(true);
    } else {
        kill_by_passes();
    }
}

void ChildGroup::kill_by_passes() const {
    const bool v2 = tracker().version == 2;
    const std::string file = tracker().directory + (v2 ? "/cgroup.freeze" : "/freezer.state");
    const bool freezes = v2 || has(tracker(), "freezer");
    if (freezes) (void)write_group_file(file, v2 ? "1" : "FROZEN").ok();
    kill_in_passes(groups_below(tracker().directory));
    if (freezes) (void)write_group_file(file, v2 ? "0" : "THAWED").ok();
}

core::Result<void> ChildGroup::remove(milliseconds patience) const {
    const auto deadline = Clock::now() + patience;
    const UniqueFd events(
        open((tracker().directory + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
    for (;;) {
        int reason = 0;
        std::string busy;
        for (const GroupPlace& place : places_) {
            const int left = remove_groups(place.directory);
            if (left == 0) continue;
            reason = left;
            busy = place.directory;
        }
        if (reason == 0) return {};
        const auto now = Clock::now();
        if (reason != EBUSY || now >= deadline)
            return core::system_error("remove group " + busy, reason);
        // Each time: without a freezer a tree that forks fast enough may outrun the passes.
        kill_all();
        // Whoever was moved by hand is in one hierarchy's group alone.
        for (const GroupPlace& place : places_) kill_in_passes(groups_below(place.directory));
        // Read by the very descriptor that is polled: a poll wakes for changes since its last read.
        std::string text;
        const bool told = events && read_whole(events.get(), kStatFileCapBytes, text).ok() &&
                          find_value(text, "populated").value_or(0) != 0;
        const auto left = std::chrono::ceil<milliseconds>(deadline - now);
        pollfd notice{.fd = told ? events.get() : -1, .events = POLLPRI, .revents = 0};
        poll(&notice, 1, told ? static_cast<int>(left.count()) : 1);
    }
}

}  // namespace pilotfish::cgroup
