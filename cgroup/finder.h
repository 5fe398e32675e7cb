// Finds the directories in which a controller's files for this process stand: the own group first,
// then every visible ancestor up to the mount point. Chosen per controller, from mountinfo and
// /proc/self/cgroup alone: never /proc/cgroups (JDK-8349988: it lists no v2-only controllers),
// never the file system type of a fixed path.
//
// Any thread; plain values that own their text. The parsers read text only, allocate what they
// return, and accept anything: a malformed line is skipped and counted, never fatal.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cgroup/file_source.h"

namespace pilotfish::cgroup {

// One cgroup mount of mountinfo; other file systems are left out.
struct CgroupMount {
    int version = 0;          // 1 or 2
    std::string root;         // what of the hierarchy is mounted: "/", "/docker/ab", "/../.."
    std::string mount_point;  // absolute, unescaped
    std::string options;      // super options; of v1: "rw,cpu,cpuacct"
};

struct MountTable {
    std::vector<CgroupMount> mounts;
    int malformed_lines = 0;  // lines that name a cgroup file system and cannot be understood
};
MountTable parse_mountinfo(std::string_view text);

// One line of /proc/self/cgroup.
struct Membership {
    bool unified = false;     // the v2 line "0::"
    std::string controllers;  // "cpu,cpuacct", "name=systemd"
    std::string path;         // as the kernel wrote it: this file has no escapes
};

struct MembershipTable {
    std::vector<Membership> lines;
    int malformed_lines = 0;
};
MembershipTable parse_membership(std::string_view text);

// mountinfo writes space, tab, newline and backslash as \040 \011 \012 \134. Anything else that
// starts with a backslash stays as it is.
std::string unescape_octal(std::string_view text);

// Is word one of the comma-separated items of list?
bool list_holds(std::string_view list, std::string_view word);

// What of path lies below root, by whole components: ("/a", "/a/b") -> "/b", ("/a", "/a") -> "",
// ("/a", "/ab") -> nullopt.
std::optional<std::string_view> strip_root(std::string_view root, std::string_view path);

// The leaf of a v2 group into which the daemon moves when it makes groups for its workers. It has
// no limits and holds nobody else, so whoever is in it is taken for a member of the group above:
// that one is the container.
inline constexpr std::string_view kDaemonLeaf = "pilotfish.daemon";

// Where one controller's files stand.
struct Place {
    int version = 0;  // 0: the kernel has no such controller
    std::string mount_point;
    std::vector<std::string> directories;  // own group first, the mount point last; may be empty
    // The directories are not surely our own: a limit found there holds, its absence proves
    // nothing.
    bool degraded = false;
    // Groups above the mount point are not shown. Of v2 certain only when true: see
    // hides_ancestors.
    bool below_hidden_root = false;
    bool top_is_v1_root = false;  // the mount point is the root group, which cannot be limited
    std::string problem;          // one sentence, when degraded or when nothing can be read
    // How many of the directories can hold a limit.
    std::size_t limited_levels() const { return directories.size() - (top_is_v1_root ? 1 : 0); }
};

// The two process files, parsed.
struct Tables {
    MountTable mounts;
    MembershipTable membership;
    std::string membership_text;  // as read, to notice a move later
    std::string problem;          // set when one of the two could not be read: nothing can be known
};
Tables read_tables(const FileSource& source);

// controller: "cpu", "memory". Requires: tables.problem is empty, or the Place says so.
Place find_controller(const FileSource& source, const Tables& tables, std::string_view controller);

// The v2 group itself, whatever controllers it has (PSI files stand in every v2 group).
Place find_unified(const FileSource& source, const Tables& tables);

}  // namespace pilotfish::cgroup
