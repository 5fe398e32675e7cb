// As whom and how a worker's process runs, found out before it is made: numbers for names, the
// variables that tell it who it is, the files of variables.
//
// Thread-safety: plain functions and values, any thread. Owns nothing but what it returns. Blocks
// on the file system alone: /etc/passwd, /etc/group and ENVFILE are read at each start, by us and
// so with our rights. Fails: by a sentence, and then the worker is not started.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "config/environment_file.h"
#include "config/settings.h"
#include "core/result.h"
#include "daemon/accounts.h"
#include "daemon/capabilities.h"

namespace pilotfish::daemon {

// The user and groups that a process gets.
struct Credentials {
    std::optional<uid_t> user;                 // nullopt: ours
    std::optional<gid_t> group;                // nullopt: ours
    std::optional<std::vector<gid_t>> groups;  // supplementary; nullopt: ours
    // It is our own user, and we have each group that was asked for: those that orchestrators gave
    // us may stay where we may not change them.
    bool groups_may_stay = false;
    std::string words;  // "nobody (65534:65534)", for what is said of a refusal
};

struct Identity {
    Credentials credentials;
    std::optional<CapabilityMask> capabilities;  // exactly these; nullopt: as the kernel decides
    bool no_new_privs = false;
    std::optional<int> death_signal;  // when the daemon dies
    std::optional<mode_t> umask;
    std::optional<int> nice;
    std::optional<int> io_priority;  // as ioprio_set(2) takes it

    // What the kernel calls a change of credentials that matters to who may look into a process.
    bool takes_dumpable() const { return credentials.user || credentials.group || capabilities; }
};

// Whom the names mean. A user by number needs no entry; its group is then that of the same number,
// never root's, and it has no others. A group said beside USER takes the place of the user's own;
// one without USER leaves the other groups as they are. Further groups come on top of what the user
// has by this. account: the entry found.
core::Result<Credentials> find_credentials(const config::UserChoice& user,
                                           const config::GroupChoice& group,
                                           const AccountFiles& files,
                                           std::optional<Account>& account);

// A variable that a worker is given; without a value: that it is not given.
struct OwnVariable {
    std::string name;
    std::optional<std::string> value;
};
using OwnVariables = std::vector<OwnVariable>;

struct PreparedIdentity {
    Identity identity;
    // Of its files and of its user, each name once: over what is inherited, under ENV_<VAR>.
    OwnVariables variables;
    std::vector<std::string> warnings;  // sentences for the log: what was passed over
};

// root: a folder that stands for "/" where accounts are looked up.
core::Result<PreparedIdentity> prepare_identity(const config::WorkerSettings& settings,
                                                const std::string& root = {});

}  // namespace pilotfish::daemon
