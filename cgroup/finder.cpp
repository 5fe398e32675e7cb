// Which mount, of all that show a hierarchy, is ours?
//
// /proc/self/cgroup gives our group's path P from the root of our cgroup namespace; mountinfo gives
// each mount's root field R from the same root. The mount shows our group when P lies below R, and
// then our directory is mount point + (P - R). Traps, each of which broke somebody:
//   - the host's /sys mounted inside a container shows the same hierarchies a second time
//     (opentelemetry-collector#6826): prefer mounts that show P and whose directory exists, then
//     those below /sys/fs/cgroup, then the closest root;
//   - P or R with ".." (0::/.., root /..): we stand outside our namespace's root. What can be
//     computed is computed, and marked degraded;
//   - P below no R, or a directory that is not there (rootless podman, docker in docker): the mount
//     point is read instead, degraded;
//   - one controller that cannot be translated must not spoil the others (automaxprocs#85): every
//     controller is searched for by itself.
// Degraded never means "unlimited": a limit found holds, none found is unknown.
//
// Rejected: trusting the `0::` line (it is there on v1 hosts without any cgroup2 mount); taking the
// first or the last mount of a kind; matching by directory name or mount source (runc, crun and
// systemd each write another source).
#include "cgroup/finder.h"

#include <algorithm>
#include <cstdint>
#include <tuple>

namespace pilotfish::cgroup {
namespace {

// Takes what stands before the next space off the front of rest.
std::optional<std::string_view> take_field(std::string_view& rest) {
    const std::size_t space = rest.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    const std::string_view field = rest.substr(0, space);
    rest.remove_prefix(space + 1);
    return field;
}

std::string_view take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

// The separator " - " counts only after the six fixed fields: a path may hold one too.
std::optional<CgroupMount> parse_mount_line(std::string_view line) {
    constexpr int kFixedFields = 6;
    std::string_view root;
    std::string_view mount_point;
    for (int field = 0; field < kFixedFields; ++field) {
        const auto text = take_field(line);
        if (!text) return std::nullopt;
        if (field == 3) root = *text;
        if (field == 4) mount_point = *text;
    }
    for (;;) {  // any number of optional fields, "shared:3", "master:7", ends with "-"
        const auto text = take_field(line);
        if (!text) return std::nullopt;
        if (*text == "-") break;
    }
    const auto type = take_field(line);
    if (!type) return std::nullopt;
    CgroupMount mount;
    if (*type == "cgroup") mount.version = 1;
    if (*type == "cgroup2") mount.version = 2;
    if (mount.version == 0) return mount;
    if (!take_field(line)) return std::nullopt;  // the source: any word, it says nothing
    mount.options = line;                        // the rest, spaces and all
    mount.root = unescape_octal(root);
    mount.mount_point = unescape_octal(mount_point);
    if (!mount.root.starts_with('/') || !mount.mount_point.starts_with('/')) return std::nullopt;
    return mount;
}

bool has_dot_dot(std::string_view path) {
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        if (path.substr(0, slash) == "..") return true;
        if (slash == std::string_view::npos) break;
        path.remove_prefix(slash + 1);
    }
    return false;
}

std::string_view without_daemon_leaf(const CgroupMount& mount, std::string_view below) {
    const std::size_t slash = below.rfind('/');
    const bool in_leaf = mount.version == 2 && slash != std::string_view::npos &&
                         below.substr(slash + 1) == kDaemonLeaf;
    return in_leaf ? below.substr(0, slash) : below;
}

// Mount points are absolute; "/" plus "/a" must not give "//a".
std::string join(std::string_view mount_point, std::string_view below) {
    std::string directory(mount_point);
    while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
    while (!below.empty() && below.back() == '/') below.remove_suffix(1);
    if (directory == "/" && !below.empty()) directory.clear();
    directory += below;
    return directory;
}

void climb_to(Place& place, std::string own) {
    const std::string top = join(place.mount_point, "");
    while (own.size() > top.size()) {
        place.directories.push_back(own);
        const std::size_t slash = own.rfind('/');
        if (slash == std::string::npos) break;
        own.resize(std::max(slash, top.size()));
        while (own.size() > top.size() && own.back() == '/') own.pop_back();
    }
    place.directories.push_back(top);
}

bool is_below_sys_fs_cgroup(const CgroupMount& mount) {
    const auto below = strip_root("/sys/fs/cgroup", mount.mount_point);
    return below.has_value();
}

// Best first. Requires: the pointers are into one MountTable, so that equals stay in its order.
void rank(std::vector<const CgroupMount*>& mounts) {
    const auto key = [](const CgroupMount* mount) {
        constexpr std::size_t kLongest = SIZE_MAX;
        return std::make_tuple(has_dot_dot(mount->root), !is_below_sys_fs_cgroup(*mount),
                               kLongest - mount->root.size(), mount);
    };
    std::sort(mounts.begin(), mounts.end(),
              [&](const CgroupMount* a, const CgroupMount* b) { return key(a) < key(b); });
}

Place fall_back(const CgroupMount& mount, std::string problem) {
    Place place;
    place.version = mount.version;
    place.mount_point = mount.mount_point;
    place.degraded = true;
    place.below_hidden_root = true;
    place.problem = std::move(problem);
    climb_to(place, join(mount.mount_point, ""));
    return place;
}

Place place_on(const FileSource& source, std::vector<const CgroupMount*> mounts,
               const std::string& path) {
    rank(mounts);
    const bool usable_path = path.starts_with('/');
    for (const CgroupMount* mount : mounts) {
        const auto below = usable_path ? strip_root(mount->root, path) : std::nullopt;
        if (!below || has_dot_dot(*below)) continue;
        std::string own = join(mount->mount_point, without_daemon_leaf(*mount, *below));
        const ReadOutcome found = source.look(own);
        // Not readable is not absent: the reads that follow will say so.
        if (!found.ok() && (found.state == ReadState::absent || found.system_errno == ENAMETOOLONG))
            continue;
        Place place;
        place.version = mount->version;
        place.mount_point = mount->mount_point;
        // The kernel makes cgroup.sane_behavior in the root group of a v1 hierarchy alone.
        place.top_is_v1_root = mount->version == 1 && mount->root == "/" &&
                               source.look(mount->mount_point + "/cgroup.sane_behavior").ok();
        place.below_hidden_root =
            mount->root != "/" || (mount->version == 1 && !place.top_is_v1_root);
        if (has_dot_dot(path) || has_dot_dot(mount->root)) {
            place.degraded = true;
            place.problem = "this process stands outside its cgroup namespace (group " + path +
                            ", mounted root " + mount->root + "): limits are read at " + own +
                            " and may be incomplete";
        }
        climb_to(place, std::move(own));
        return place;
    }
    const CgroupMount& best = *mounts.front();
    const bool outside = has_dot_dot(path) || has_dot_dot(best.root);
    return fall_back(best, "cannot find group " + (path.empty() ? "\"\"" : path) + " below " +
                               best.mount_point + " (mounted root " + best.root + "): " +
                               (outside ? "one of them is outside this cgroup namespace"
                                        : "moved, removed or hidden") +
                               "; limits are read at " + best.mount_point +
                               " and may be incomplete");
}

Place unreadable(int version, std::string problem) {
    Place place;
    place.version = version;
    place.degraded = true;
    place.problem = std::move(problem);
    return place;
}

const Membership* unified_line(const MembershipTable& table) {
    for (const Membership& line : table.lines)
        if (line.unified) return &line;
    return nullptr;
}

}  // namespace

std::string unescape_octal(std::string_view text) {
    std::string plain;
    plain.reserve(text.size());
    const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool escape = text[at] == '\\' && at + 3 < text.size() && text[at + 1] >= '0' &&
                            text[at + 1] <= '3' && is_octal(text[at + 2]) && is_octal(text[at + 3]);
        if (escape) {
            plain += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 +
                                       (text[at + 3] - '0'));
            at += 3;
        } else {
            plain += text[at];
        }
    }
    return plain;
}

bool list_holds(std::string_view list, std::string_view word) {
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        if (list.substr(0, comma) == word) return true;
        if (comma == std::string_view::npos) break;
        list.remove_prefix(comma + 1);
    }
    return false;
}

std::optional<std::string_view> strip_root(std::string_view root, std::string_view path) {
    while (!root.empty() && root.back() == '/') root.remove_suffix(1);
    if (!path.starts_with(root)) return std::nullopt;
    const std::string_view below = path.substr(root.size());
    if (!below.empty() && below.front() != '/') return std::nullopt;
    return below;
}

MountTable parse_mountinfo(std::string_view text) {
    MountTable table;
    while (!text.empty()) {
        const std::string_view line = take_line(text);
        // Most lines are other file systems: this search is all they cost.
        if (line.find(" - cgroup") == std::string_view::npos) continue;
        auto mount = parse_mount_line(line);
        if (!mount) {
            ++table.malformed_lines;
        } else if (mount->version != 0) {
            table.mounts.push_back(std::move(*mount));
        }
    }
    return table;
}

MembershipTable parse_membership(std::string_view text) {
    MembershipTable table;
    while (!text.empty()) {
        const std::string_view line = take_line(text);
        if (line.empty()) continue;
        // Controllers and paths may hold colons of their own (…slice:cri-containerd:…): only the
        // first two separate.
        const std::size_t first = line.find(':');
        const std::size_t second =
            first == std::string_view::npos ? first : line.find(':', first + 1);
        if (second == std::string_view::npos) {
            ++table.malformed_lines;
            continue;
        }
        Membership member;
        member.controllers = line.substr(first + 1, second - first - 1);
        member.path = line.substr(second + 1);
        member.unified = line.substr(0, first) == "0" && member.controllers.empty();
        table.lines.push_back(std::move(member));
    }
    return table;
}

Tables read_tables(const FileSource& source) {
    Tables tables;
    const ReadOutcome membership =
        source.read_process_file("cgroup", kMembershipCapBytes, tables.membership_text);
    if (!membership.ok()) {
        tables.problem = read_failure(source.process_file("cgroup"), membership);
        return tables;
    }
    tables.membership = parse_membership(tables.membership_text);
    std::string text;
    const ReadOutcome mounts = source.read_process_file("mountinfo", kMountinfoCapBytes, text);
    if (!mounts.ok()) {
        tables.problem = read_failure(source.process_file("mountinfo"), mounts);
        return tables;
    }
    tables.mounts = parse_mountinfo(text);
    return tables;
}

Place find_controller(const FileSource& source, const Tables& tables, std::string_view controller) {
    const std::string name(controller);
    if (!tables.problem.empty()) return unreadable(0, tables.problem);

    const Membership* line = nullptr;
    for (const Membership& member : tables.membership.lines)
        if (!member.unified && list_holds(member.controllers, controller)) line = &member;
    std::vector<const CgroupMount*> mounts;
    for (const CgroupMount& mount : tables.mounts.mounts)
        if (mount.version == 1 && list_holds(mount.options, controller)) mounts.push_back(&mount);

    // A controller bound to a v1 hierarchy cannot be used by v2: any sign of v1 decides.
    if (!mounts.empty()) {
        if (line != nullptr) return place_on(source, std::move(mounts), line->path);
        rank(mounts);
        return fall_back(*mounts.front(),
                         "cannot find controller " + name + " in " + source.process_file("cgroup") +
                             ": limits are read at " + mounts.front()->mount_point);
    }
    if (line != nullptr) {
        return unreadable(1, "cannot see the limits of controller " + name +
                                 ": it is on cgroup v1, which is not mounted here (group " +
                                 line->path + ")");
    }
    return find_unified(source, tables);
}

Place find_unified(const FileSource& source, const Tables& tables) {
    if (!tables.problem.empty()) return unreadable(0, tables.problem);
    std::vector<const CgroupMount*> mounts;
    for (const CgroupMount& mount : tables.mounts.mounts)
        if (mount.version == 2) mounts.push_back(&mount);
    const Membership* line = unified_line(tables.membership);
    if (line != nullptr && !mounts.empty()) return place_on(source, std::move(mounts), line->path);
    if (line != nullptr) {
        return unreadable(2, "cannot see the limits of group " + line->path +
                                 ": no cgroup file system is mounted here");
    }
    if (!mounts.empty()) {
        rank(mounts);
        return fall_back(*mounts.front(),
                         "cannot find the own group in " + source.process_file("cgroup") +
                             ": limits are read at " + mounts.front()->mount_point);
    }
    if (tables.membership.malformed_lines > 0 || tables.mounts.malformed_lines > 0) {
        return unreadable(
            0, "cannot understand " + source.process_file(tables.membership.malformed_lines > 0
                                                              ? "cgroup"
                                                              : "mountinfo"));
    }
    return {};  // a kernel without this controller: nothing limits
}

}  // namespace pilotfish::cgroup
