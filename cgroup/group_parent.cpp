#include "cgroup/group_parent.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "cgroup/group_files.h"
#include "core/log.h"

namespace pilotfish::cgroup {
namespace {

bool holds(const std::vector<std::string>& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

// "+cpu +memory"
std::string each_with(char sign, const std::vector<std::string>& controllers) {
    std::string text;
    for (const std::string& controller : controllers) {
        if (!text.empty()) text += ' ';
        text += sign + controller;
    }
    return text;
}

core::Result<void> check_writable(const std::string& directory) {
    if (access(directory.c_str(), W_OK) == 0) return {};
    return core::system_error("make groups in " + directory, errno);
}

std::string leaf_of(const std::string& directory) {
    return directory + "/" + std::string(kDaemonLeaf);
}

std::vector<std::string> children_of(const std::string& directory) {
    std::vector<std::string> children = groups_below(directory);
    std::erase_if(children, [&](const std::string& group) {
        return group.size() <= directory.size() ||
               group.find('/', directory.size() + 1) != group.npos;
    });
    return children;
}

// A group that came after us, whosever it is, was made with the controllers that we handed down.
bool others_use(const std::string& directory, const std::vector<std::string>& neighbours) {
    for (const std::string& group : children_of(directory)) {
        const std::string name = group.substr(group.rfind('/') + 1);
        if (name == kDaemonLeaf) continue;
        if (name.starts_with("pilotfish.") || !holds(neighbours, group)) return true;
    }
    const std::vector<pid_t> here = processes_in({leaf_of(directory)});
    return std::any_of(here.begin(), here.end(), [](pid_t pid) { return pid != getpid(); });
}

// The directory of each controller, whether anything may be made there or not.
std::vector<GroupParent> find_parents(const FileSource& source, const Tables& tables,
                                      const std::vector<std::string>& controllers,
                                      std::vector<GroupProblem>& problems) {
    std::vector<GroupParent> found;
    for (const std::string& controller : controllers) {
        const Place place = find_controller(source, tables, controller);
        if (place.degraded || place.directories.empty()) {
            problems.push_back(
                {controller, place.problem.empty()
                                 ? "cannot make groups: the kernel has no controller " + controller
                                 : place.problem});
            continue;
        }
        const auto known = std::find_if(found.begin(), found.end(), [&](const auto& parent) {
            return parent.directory == place.directories.front();
        });
        if (known != found.end()) {
            known->controllers.push_back(controller);
        } else {
            found.push_back(
                {place.version, place.mount_point, place.directories.front(), {controller}});
        }
    }
    return found;
}

}  // namespace

GroupParents GroupParents::prepare(const FileSource& source,
                                   const std::vector<std::string>& controllers) {
    GroupParents result;
    const Tables tables = read_tables(source);
    std::vector<GroupParent> found = find_parents(source, tables, controllers, result.problems_);
    for (GroupParent& parent : found) result.add(std::move(parent));
    if (!result.parents_.empty()) result.add_tracker(source, tables);
    return result;
}

GroupParents GroupParents::prepare(GroupParent parent) {
    GroupParents result;
    result.add(std::move(parent));
    return result;
}

std::optional<GroupParent> GroupParents::foresee(GroupParent parent) {
    const std::string& directory = parent.directory;
    if (!check_writable(directory)) return std::nullopt;
    if (parent.version != 2) return parent;
    const auto type = read_group_file(directory + "/cgroup.type");
    if (type && *type != "domain") return std::nullopt;
    const auto available =
        words_of(read_group_file(directory + "/cgroup.controllers").value_or(""));
    const std::string subtree = directory + "/cgroup.subtree_control";
    const auto handed_down = words_of(read_group_file(subtree).value_or(""));
    const bool hands_down = access(subtree.c_str(), W_OK) == 0;
    std::erase_if(parent.controllers, [&](const std::string& controller) {
        return !holds(available, controller) || !(hands_down || holds(handed_down, controller));
    });
    if (parent.controllers.empty()) return std::nullopt;
    return parent;
}

std::vector<GroupParent> GroupParents::foresee(const FileSource& source,
                                               const std::vector<std::string>& controllers) {
    std::vector<GroupProblem> problems;
    std::vector<GroupParent> parents;
    for (GroupParent& parent : find_parents(source, read_tables(source), controllers, problems))
        if (auto ready = foresee(std::move(parent))) parents.push_back(std::move(*ready));
    return parents;
}

std::vector<GroupParent> all_group_parents(const FileSource& source) {
    const Tables tables = read_tables(source);
    std::vector<GroupParent> found;
    const auto add = [&found](const Place& place) {
        if (place.degraded || place.directories.empty()) return;
        const std::string& directory = place.directories.front();
        const bool known = std::any_of(found.begin(), found.end(), [&](const GroupParent& parent) {
            return parent.directory == directory;
        });
        if (!known && access(directory.c_str(), W_OK) == 0)
            found.push_back({place.version, place.mount_point, directory, {}});
    };
    for (const char* controller : {"cpu", "memory", "pids", "freezer"})
        add(find_controller(source, tables, controller));
    add(find_unified(source, tables));
    // By the freezer a v1 group is held still while it is killed.
    const Place freezer = find_controller(source, tables, "freezer");
    for (GroupParent& parent : found) {
        if (freezer.version == 1 && !freezer.directories.empty() &&
            parent.directory == freezer.directories.front())
            parent.controllers = {"freezer"};
    }
    return found;
}

GroupParents::~GroupParents() { take_back(); }

void GroupParents::refuse(const std::vector<std::string>& controllers, const core::Error& reason) {
    const bool read_only = reason.system_errno == EROFS || reason.system_errno == EACCES;
    for (const std::string& controller : controllers)
        problems_.push_back({controller, reason.message, read_only});
}

void GroupParents::add(GroupParent parent) {
    auto ready = check_writable(parent.directory);
    if (ready && parent.version == 2) ready = make_ready(parent);
    if (!ready) {
        refuse(parent.controllers, ready.error());
    } else if (!parent.controllers.empty()) {
        parents_.push_back(std::move(parent));
    }
}

// v1 cannot say who is in a group and its children, tell when it is empty, or kill it. The v2
// hierarchy beside it can, whatever controllers it has; else the freezer at least holds a group
// still while it is killed.
void GroupParents::add_tracker(const FileSource& source, const Tables& tables) {
    const auto is_v2 = [](const GroupParent& parent) { return parent.version == 2; };
    if (std::any_of(parents_.begin(), parents_.end(), is_v2)) return;
    const Place unified = find_unified(source, tables);
    if (unified.version == 2 && !unified.degraded && !unified.directories.empty() &&
        check_writable(unified.directories.front())) {
        parents_.push_back({2, unified.mount_point, unified.directories.front(), {}});
        return;
    }
    const Place freezer = find_controller(source, tables, "freezer");
    if (freezer.version != 1 || freezer.degraded || freezer.directories.empty()) return;
    const std::string& directory = freezer.directories.front();
    for (GroupParent& parent : parents_) {
        if (parent.directory != directory) continue;
        parent.controllers.emplace_back("freezer");
        return;
    }
    if (check_writable(directory))
        parents_.push_back({1, freezer.mount_point, directory, {"freezer"}});
}

core::Result<void> GroupParents::make_ready(GroupParent& parent) {
    const std::string& directory = parent.directory;
    const auto available = read_group_file(directory + "/cgroup.controllers");
    const auto handed_down = read_group_file(directory + "/cgroup.subtree_control");
    if (!available || !handed_down) {
        return core::Error{"cannot make groups in " + directory +
                           ": its cgroup.controllers and cgroup.subtree_control are not readable"};
    }
    // The root of the machine has no type, and may hold processes whatever it hands down.
    const auto type = read_group_file(directory + "/cgroup.type");
    if (type && *type != "domain") {
        return core::Error{"cannot make groups in " + directory + ": it is " + *type +
                           ", and memory and processes are limited in domains only"};
    }
    std::vector<std::string> had;
    Change change{.directory = directory, .enabled = {}, .moved = false};
    change.neighbours = children_of(directory);
    for (const std::string& controller : parent.controllers) {
        if (!holds(words_of(*available), controller)) {
            refuse({controller}, {"cannot make groups with controller " + controller +
                                  ": it is not handed down to " + directory +
                                  " (not in its cgroup.controllers)"});
            continue;
        }
        had.push_back(controller);
        if (!holds(words_of(*handed_down), controller)) change.enabled.push_back(controller);
    }
    parent.controllers = had;
    if (had.empty()) return {};

    if (type) {
        if (auto moved = move_to_leaf(change); !moved) return moved;
    }
    if (!change.enabled.empty()) {
        auto enabled =
            write_group_file(directory + "/cgroup.subtree_control", each_with('+', change.enabled));
        if (!enabled) {
            change.enabled.clear();
            changes_.push_back(std::move(change));
            const std::size_t others = processes_in({directory}).size();
            take_back();
            if (enabled.error().system_errno != EBUSY) return enabled;
            return core::Error{"cannot make groups in " + directory + ": " +
                                   std::to_string(others) +
                                   " other processes stand in it; start pilotfish as the "
                                   "container's own command, in a script with exec",
                               EBUSY};
        }
    }
    changes_.push_back(std::move(change));
    return {};
}

core::Result<void> GroupParents::move_to_leaf(Change& change) {
    const std::string leaf = leaf_of(change.directory);
    if (mkdir(leaf.c_str(), 0755) == 0) {
        change.moved = true;
    } else if (errno == EEXIST) {
        // Left by one of us that was killed, and with it all that it had handed down.
        change.moved = true;
        const auto handed_down = read_group_file(change.directory + "/cgroup.subtree_control");
        for (const std::string& controller : words_of(handed_down.value_or("")))
            if (!holds(change.enabled, controller)) change.enabled.push_back(controller);
    } else {
        return core::system_error("make the daemon's own group " + leaf, errno);
    }
    auto moved = write_group_file(leaf + "/cgroup.procs", "0");
    if (!moved) rmdir(leaf.c_str());
    return moved;
}

void GroupParents::take_back() {
    for (const Change& change : changes_) {
        // Whoever came after us needs both: another pilotfish of the same container, or groups
        // that somebody made beside ours.
        if (others_use(change.directory, change.neighbours)) continue;
        // One by one: a controller that a group below hands on is refused, and with it the rest.
        for (const std::string& controller : change.enabled) {
            const auto disabled =
                write_group_file(change.directory + "/cgroup.subtree_control", "-" + controller);
            if (!disabled) core::log(core::LogLevel::debug, "cgroup", disabled.error().message);
        }
        if (!change.moved) continue;
        const auto moved = write_group_file(change.directory + "/cgroup.procs", "0");
        if (!moved) core::log(core::LogLevel::debug, "cgroup", moved.error().message);
        rmdir(leaf_of(change.directory).c_str());
    }
    changes_.clear();
}

}  // namespace pilotfish::cgroup
