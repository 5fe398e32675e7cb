#include "daemon/accounts.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "config/identity.h"
#include "daemon/small_file.h"

namespace pilotfish::daemon {
namespace {

// A generous directory of a company has some hundred thousand lines of 100 bytes.
constexpr std::size_t kMostBytes = 64 << 20;

// Calls visit with each line's fields until it says true. A line with fewer fields, and one for
// NIS ("+..."), is passed over.
template <std::size_t Fields, class Visit>
void each_line(std::string_view text, Visit visit) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.starts_with('#') || line.starts_with('+') || line.starts_with('-')) continue;
        std::array<std::string_view, Fields> fields;
        std::size_t count = 0;
        while (count < Fields) {
            const std::size_t colon = count + 1 == Fields ? line.npos : line.find(':');
            fields[count++] = line.substr(0, colon);
            if (colon == line.npos) break;
            line.remove_prefix(colon + 1);
        }
        if (count == Fields && !fields[0].empty() && visit(fields)) return;
    }
}

template <class Is>
std::optional<Account> first_account(std::string_view passwd, Is is) {
    std::optional<Account> found;
    each_line<7>(passwd, [&](const auto& fields) {
        Account account;
        if (!config::parse_id(fields[2], account.user) ||
            !config::parse_id(fields[3], account.group))
            return false;
        account.name = fields[0];
        if (!is(account)) return false;
        account.home = fields[5];
        account.shell = fields[6];
        found = std::move(account);
        return true;
    });
    return found;
}

bool has_member(std::string_view members, std::string_view name) {
    while (!members.empty()) {
        const std::size_t comma = std::min(members.find(','), members.size());
        if (members.substr(0, comma) == name) return true;
        members.remove_prefix(std::min(comma + 1, members.size()));
    }
    return false;
}

}  // namespace

core::Result<AccountFiles> read_accounts(const std::string& root) {
    AccountFiles files;
    for (const auto& [path, text] : {std::pair{root + "/etc/passwd", &files.passwd},
                                     std::pair{root + "/etc/group", &files.group}}) {
        auto read = read_small_file(path, kMostBytes);
        if (read) {
            *text = std::move(*read);
        } else if (read.error().system_errno != ENOENT) {
            return read.error();
        }
    }
    return files;
}

std::optional<Account> find_account(std::string_view passwd, std::string_view name) {
    return first_account(passwd, [name](const Account& each) { return each.name == name; });
}

std::optional<Account> find_account(std::string_view passwd, uid_t user) {
    return first_account(passwd, [user](const Account& each) { return each.user == user; });
}

std::optional<gid_t> find_group(std::string_view group, std::string_view name) {
    std::optional<gid_t> found;
    each_line<4>(group, [&](const auto& fields) {
        gid_t id = 0;
        if (fields[0] != name || !config::parse_id(fields[2], id)) return false;
        found = id;
        return true;
    });
    return found;
}

std::vector<gid_t> groups_of(std::string_view group, std::string_view name, gid_t first) {
    std::vector<gid_t> groups{first};
    each_line<4>(group, [&](const auto& fields) {
        gid_t id = 0;
        if (has_member(fields[3], name) && config::parse_id(fields[2], id) &&
            std::find(groups.begin(), groups.end(), id) == groups.end())
            groups.push_back(id);
        return false;
    });
    return groups;
}

}  // namespace pilotfish::daemon
