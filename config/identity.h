// As whom and how a worker's process runs, as people write it: user, umask, priorities, files of
// variables.
//
// Any thread; plain values and functions over borrowed text. Never block. Parsing fails by false
// with half a sentence in `why`, as in config/quantity.h; the value is then as it was.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pilotfish::config {

// A user, and maybe a group: "nobody", "1000", "www-data:www-data", "1000:1000".
struct UserChoice {
    std::string user;   // a name or a number; empty: ours
    std::string group;  // likewise; empty: not said here
    bool operator==(const UserChoice&) const = default;
};
bool parse_user(std::string_view text, UserChoice& value, std::string& why);
std::string format_user(const UserChoice& value);

// Groups by name or number: "adm", "1000,2000,docker". The first is the primary one, the others are
// supplementary.
struct GroupChoice {
    std::string group;              // empty: not said
    std::vector<std::string> more;  // as said, without a repeated one; empty: none
    bool operator==(const GroupChoice&) const = default;
};
bool parse_group(std::string_view text, GroupChoice& value, std::string& why);
std::string format_group(const GroupChoice& value);

// A number in place of a name: what a user or group is to the kernel. False: it is no number, or
// the one that means "none" (4294967295).
bool parse_id(std::string_view text, std::uint32_t& id);

// Permissions that new files do not get: "022", "0027".
struct Umask {
    unsigned bits = 0;
    bool operator==(const Umask&) const = default;
};
bool parse_umask(std::string_view text, Umask& value, std::string& why);
std::string format_umask(Umask value);

// -20 (first) to 19 (last), as nice(1).
struct Niceness {
    int value = 0;
    bool operator==(const Niceness&) const = default;
};
bool parse_niceness(std::string_view text, Niceness& value, std::string& why);

// ionice(1)'s: "realtime:0" to "realtime:7", "best-effort:4", "idle". A class alone is its middle.
struct IoPriority {
    enum class Class : std::uint8_t { realtime = 1, best_effort = 2, idle = 3 };  // the kernel's
    Class io_class = Class::best_effort;
    int level = 4;  // 0 is first, 7 last; idle has none
    bool operator==(const IoPriority&) const = default;
};
bool parse_io_priority(std::string_view text, IoPriority& value, std::string& why);
std::string format_io_priority(IoPriority value);

// "/etc/web.env,-/run/web.env": a file behind - need not be there.
struct EnvironmentFile {
    std::string path;  // absolute
    bool optional = false;
    bool operator==(const EnvironmentFile&) const = default;
};
using EnvironmentFiles = std::vector<EnvironmentFile>;
bool parse_environment_files(std::string_view text, EnvironmentFiles& value, std::string& why);
std::string format_environment_files(const EnvironmentFiles& value);

}  // namespace pilotfish::config
