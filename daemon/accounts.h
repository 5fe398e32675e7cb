// The image's users and groups: /etc/passwd and /etc/group, read by ourselves.
//
// Not through libc: in the static build its functions would load shared objects of the image's libc
// that do not fit, and between clone and exec they could not be called at all. So what only NSS
// knows (LDAP, sssd, systemd's dynamic users) is not known here; such users are given by number.
//
// Thread-safety: plain functions and values, any thread. Owns nothing but what it returns. Blocks
// on the file system alone. Fails: read_accounts(), by a sentence; a line that makes no sense is
// passed over, as libc does; a file that is not there is empty.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace pilotfish::daemon {

struct Account {
    std::string name;
    uid_t user = 0;
    gid_t group = 0;
    std::string home;
    std::string shell;  // empty: /bin/sh, by passwd(5)
};

// The text of both files.
struct AccountFiles {
    std::string passwd;
    std::string group;
};

// root: a folder that stands for "/".
core::Result<AccountFiles> read_accounts(const std::string& root = {});

// The first entry, as libc's.
std::optional<Account> find_account(std::string_view passwd, std::string_view name);
std::optional<Account> find_account(std::string_view passwd, uid_t user);
std::optional<gid_t> find_group(std::string_view group, std::string_view name);

// The group first, then those that have the name among their members, each once: initgroups(3).
std::vector<gid_t> groups_of(std::string_view group, std::string_view name, gid_t first);

}  // namespace pilotfish::daemon
