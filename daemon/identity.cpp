#include "daemon/identity.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <iterator>

#include "config/in_quotes.h"
#include "daemon/environment.h"
#include "daemon/small_file.h"

namespace pilotfish::daemon {
namespace {

// Far above what execve takes (a quarter of the stack's limit, 2 MiB as a rule).
constexpr std::size_t kMostEnvironmentBytes = 4 << 20;
constexpr int kIoClassShift = 13;  // linux/ioprio.h

core::Error unknown(const std::string& kind, const std::string& name, const std::string& file) {
    return {"cannot find the " + kind + " " + config::in_quotes(name) + " in " + file +
            ": add it to the image, or give its number"};
}

std::string words_of(const Credentials& found, const std::string& name) {
    std::string ids;
    if (found.user) ids += std::to_string(*found.user);
    if (found.group) ids += ":" + std::to_string(*found.group);
    return name.empty() ? ids : name + " (" + ids + ")";
}

// The numbers of further groups are appended to groups, each once. Returns the name that is
// nobody's.
std::optional<std::string> append_groups(const config::GroupChoice& choice,
                                         const AccountFiles& files, std::vector<gid_t>& groups) {
    for (const std::string& name : choice.more) {
        gid_t number = 0;
        if (!config::parse_id(name, number)) {
            const auto known = find_group(files.group, name);
            if (!known) return name;
            number = *known;
        }
        if (std::find(groups.begin(), groups.end(), number) == groups.end())
            groups.push_back(number);
    }
    return std::nullopt;
}

// The daemon's own supplementary groups.
std::vector<gid_t> own_groups() {
    std::vector<gid_t> groups(NGROUPS_MAX);
    const int count = getgroups(static_cast<int>(groups.size()), groups.data());
    groups.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return groups;
}

bool are_ours(const std::vector<gid_t>& groups) {
    const std::vector<gid_t> ours = own_groups();
    return std::all_of(groups.begin(), groups.end(), [&](gid_t each) {
        return each == getegid() || std::find(ours.begin(), ours.end(), each) != ours.end();
    });
}

// What accounts have that nobody logs in to.
bool is_no_shell(std::string_view shell) {
    return shell.ends_with("/nologin") || shell.ends_with("/false");
}

// As systemd does where User= is set. What is inherited names somebody else.
void tell_user(const std::optional<Account>& account, OwnVariables& variables) {
    if (!account) {
        variables.push_back({"HOME", "/"});
        for (const char* const name : {"USER", "LOGNAME", "SHELL"})
            variables.push_back({name, std::nullopt});
        return;
    }
    variables.push_back({"HOME", account->home.empty() ? "/" : account->home});
    variables.push_back({"USER", account->name});
    variables.push_back({"LOGNAME", account->name});
    if (is_no_shell(account->shell)) {
        variables.push_back({"SHELL", std::nullopt});
    } else {
        variables.push_back({"SHELL", account->shell.empty() ? "/bin/sh" : account->shell});
    }
}

void put_variable(OwnVariables& variables, const std::string& name, std::string value) {
    for (OwnVariable& each : variables) {
        if (each.name == name) return void(each.value = std::move(value));
    }
    variables.push_back({name, std::move(value)});
}

// Those names tell a worker what the daemon knows of it, and the daemon what it is to do: a file
// that has them was most likely written for the daemon.
void pass_over_our_names(const std::string& path, config::Variables& variables,
                         std::vector<std::string>& warnings) {
    std::string first;
    const std::size_t passed_over = std::erase_if(variables, [&](const auto& variable) {
        if (!variable.first.starts_with(kOwnPrefix)) return false;
        if (first.empty()) first = variable.first;
        return true;
    });
    if (passed_over == 0) return;
    warnings.push_back(
        "ENVFILE " + path + ": " + first +
        (passed_over == 1 ? " is" : " and " + std::to_string(passed_over - 1) + " more are") +
        " passed over: names that begin with PILOTFISH_ are the daemon's");
}

core::Result<config::Variables> read_environment_files(const config::EnvironmentFiles& files,
                                                       std::vector<std::string>& warnings) {
    config::Variables all;
    for (const config::EnvironmentFile& file : files) {
        const auto text = read_small_file(file.path, kMostEnvironmentBytes);
        if (!text) {
            const int error = text.error().system_errno;
            if (file.optional && (error == ENOENT || error == ENOTDIR)) continue;
            return text.error().within("cannot use ENVFILE");
        }
        std::string why;
        config::Variables variables;
        if (!config::parse_environment_file(*text, variables, why))
            return core::Error{"cannot use ENVFILE " + file.path + ": " + why};
        pass_over_our_names(file.path, variables, warnings);
        std::move(variables.begin(), variables.end(), std::back_inserter(all));
    }
    return all;
}

}  // namespace

core::Result<Credentials> find_credentials(const config::UserChoice& user,
                                           const config::GroupChoice& group,
                                           const AccountFiles& files,
                                           std::optional<Account>& account) {
    Credentials found;
    if (!user.user.empty()) {
        uid_t number = 0;
        if (config::parse_id(user.user, number)) {
            found.user = number;
            account = find_account(files.passwd, number);
        } else {
            account = find_account(files.passwd, user.user);
            if (!account) return unknown("user", user.user, "/etc/passwd");
            found.user = account->user;
        }
        found.group = account ? account->group : *found.user;
    }
    const std::string& name = user.group.empty() ? group.group : user.group;
    if (!name.empty()) {
        gid_t number = 0;
        found.group = config::parse_id(name, number) ? number : find_group(files.group, name);
        if (!found.group) return unknown("group", name, "/etc/group");
    }
    if (found.user) {
        found.groups =
            account ? groups_of(files.group, account->name, *found.group) : std::vector<gid_t>();
    } else if (!group.more.empty()) {
        found.groups = own_groups();
    }
    if (found.groups) {
        std::vector<gid_t> asked_for;
        for (std::vector<gid_t>* const groups : {&asked_for, &*found.groups}) {
            if (const auto missing = append_groups(group, files, *groups))
                return unknown("group", *missing, "/etc/group");
        }
        found.groups_may_stay = (!found.user || *found.user == geteuid()) && are_ours(asked_for);
    }
    found.words = words_of(found, account ? account->name : std::string());
    return found;
}

core::Result<PreparedIdentity> prepare_identity(const config::WorkerSettings& settings,
                                                const std::string& root) {
    PreparedIdentity prepared;
    Identity& identity = prepared.identity;
    if (!settings.user.user.empty() || !settings.group.group.empty()) {
        const auto files = read_accounts(root);
        if (!files) return files.error();
        std::optional<Account> account;
        auto found = find_credentials(settings.user, settings.group, *files, account);
        if (!found) return found.error();
        identity.credentials = std::move(*found);
        if (identity.credentials.user) tell_user(account, prepared.variables);
    }
    auto variables = read_environment_files(settings.env_file, prepared.warnings);
    if (!variables) return variables.error();
    for (auto& [name, value] : *variables) put_variable(prepared.variables, name, std::move(value));
    if (settings.capabilities) {
        const auto chosen = choose_capabilities(*settings.capabilities, own_capabilities());
        if (!chosen) return chosen.error();
        identity.capabilities = *chosen;
    }
    identity.no_new_privs = settings.no_new_privs;
    if (settings.pdeathsig) identity.death_signal = settings.pdeathsig->number;
    if (settings.umask) identity.umask = settings.umask->bits;
    if (settings.nice) identity.nice = settings.nice->value;
    if (settings.io_priority) {
        identity.io_priority = static_cast<int>(settings.io_priority->io_class) << kIoClassShift |
                               settings.io_priority->level;
    }
    return prepared;
}

}  // namespace pilotfish::daemon
