#include "daemon/client_target.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "daemon/control_socket.h"
#include "daemon/small_file.h"

namespace pilotfish::daemon {
namespace {

// Sockets of this machine answer at once or never; an address given by hand may be further away.
constexpr std::chrono::milliseconds kPatience{5'000};

std::string variable(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
}

// Chosen: a token is some dozen bytes, a hundred thousand sockets are 10 MB.
constexpr std::size_t kMostToken = 64 << 10;
constexpr std::size_t kMostSockets = 64 << 20;

core::Result<std::string> token_of(const ClientWish& wish) {
    if (!wish.token.empty() || wish.token_file.empty()) return wish.token;
    core::Result<std::string> text = read_small_file(wish.token_file, kMostToken);
    if (!text) return text.error().within("PILOTFISH_ADMIN_TOKEN_FILE");
    while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
    return text;
}

core::Result<ClientTarget> by_hand(const ClientWish& wish) {
    core::Result<http::Address> address = parse_admin_url(wish.admin);
    if (!address) return address.error();
    core::Result<std::string> token = token_of(wish);
    if (!token) return token.error();
    return ClientTarget{std::move(*address), wish.admin, std::move(*token)};
}

struct Found {
    ClientTarget target;
    int pid;
    std::optional<uid_t> user;

    bool is_ours() const { return user && (*user == 0 || *user == geteuid()); }
};

// Looks whether somebody answers at a socket; else notes why not.
void try_socket(const std::string& path, std::vector<Found>& found, std::string& tried) {
    core::Result<http::Address> address = http::parse_address("unix:" + path);
    if (!address) {
        tried.append(tried.empty() ? "" : "; ").append(address.error().message);
        return;
    }
    core::Result<ClientConnection> connection = ClientConnection::open(*address, path, kPatience);
    if (!connection) {
        const std::string why = connection.error().message;
        const std::size_t reason = why.rfind(": ");
        tried.append(tried.empty() ? "" : "; ")
            .append(path)
            .append(why.substr(std::min(reason, why.size())));
        return;
    }
    found.push_back(
        {{std::move(*address), path, {}}, connection->peer_pid(), connection->peer_user()});
}

// Abstract names have no owner; one that carries another pid than its listener's is somebody else's
// trick, and so is one that we may not see.
void try_abstract(const ClientWish& wish, std::vector<Found>& found, std::string& tried) {
    const core::Result<std::string> sockets = read_small_file(wish.sockets, kMostSockets);
    if (!sockets) return;
    for (const std::string& name : listening_names(*sockets, wish.abstract_prefix)) {
        std::vector<Found> one;
        try_socket(name, one, tried);
        const std::string pid = name.substr(wish.abstract_prefix.size());
        if (!one.empty() && pid == std::to_string(one.front().pid))
            found.push_back(std::move(one.front()));
    }
}

// What is wrong when not exactly one was found.
core::Error not_one(const ClientWish& wish, const std::vector<Found>& found,
                    const std::string& tried) {
    if (found.size() > 1) {
        std::string list;
        for (const Found& each : found) {
            list.append(list.empty() ? "" : ", ").append(std::to_string(each.pid));
            list.append(" (").append(each.target.where).append(")");
        }
        return {"cannot tell which daemon is meant: --pid chooses among " + list, 0};
    }
    std::string sentence = "cannot find a running daemon";
    if (wish.pid) sentence += " that is process " + std::to_string(*wish.pid);
    sentence.append(" (").append(tried).append(tried.empty() ? "" : "; ");
    sentence += "no socket " + wish.abstract_prefix + "PID): is pilotfish running in this " +
                "container, and PILOTFISH_CONTROL_SOCKET not off? Over TCP: --admin "
                "http://127.0.0.1:9911";
    return {sentence, 0};
}

}  // namespace

ClientWish client_wish(const std::string& admin, std::optional<int> pid) {
    ClientWish wish;
    wish.admin = admin;
    wish.pid = pid;
    wish.control_socket = variable("PILOTFISH_CONTROL_SOCKET");
    wish.token = variable("PILOTFISH_ADMIN_TOKEN");
    wish.token_file = variable("PILOTFISH_ADMIN_TOKEN_FILE");
    wish.default_socket = std::string(kControlDirectory) + "/" + kControlFile;
    wish.abstract_prefix = abstract_prefix(pid_namespace());
    return wish;
}

core::Result<ClientConnection> ClientTarget::open() const {
    return ClientConnection::open(address, where, kPatience);
}

core::Result<ClientTarget> find_daemon(const ClientWish& wish) {
    if (!wish.admin.empty()) return by_hand(wish);
    const bool told = !wish.control_socket.empty() && wish.control_socket != "auto";
    if (told && wish.control_socket == "off" && !wish.pid) {
        return core::Error{
            "cannot find a running daemon: PILOTFISH_CONTROL_SOCKET is off; --admin "
            "http://127.0.0.1:9911 asks over TCP"};
    }
    std::vector<Found> found;
    std::string tried;
    if (told && !wish.pid) {
        std::string path = wish.control_socket;
        if (path.starts_with("unix:")) path.erase(0, 5);
        try_socket(path, found, tried);
        if (found.empty()) {
            return core::Error{"cannot reach the daemon by PILOTFISH_CONTROL_SOCKET (" + tried +
                               "): is it running, and this its container?"};
        }
        return std::move(found.front().target);
    }
    try_socket(wish.default_socket, found, tried);
    try_abstract(wish, found, tried);
    if (wish.pid) std::erase_if(found, [&](const Found& each) { return each.pid != *wish.pid; });
    // Abstract names are anybody's to take. Who may do everything is not led to another user's
    // process unless it is named; who may not finds the daemon of whoever there is.
    if (!wish.pid) {
        const bool any_ours = std::any_of(found.begin(), found.end(),
                                          [](const Found& each) { return each.is_ours(); });
        if (any_ours || geteuid() == 0) {
            for (const Found& each : found) {
                if (each.is_ours()) continue;
                tried.append(tried.empty() ? "" : "; ")
                    .append(each.target.where)
                    .append(" is another user's: --pid " + std::to_string(each.pid) +
                            " if it is meant");
            }
            std::erase_if(found, [](const Found& each) { return !each.is_ours(); });
        }
    }
    if (found.size() != 1) return not_one(wish, found, tried);
    return std::move(found.front().target);
}

// Each line: Num RefCount Protocol Flags Type St Inode Path. Flags has 0x10000 (__SO_ACCEPTCON) of
// a socket that listens.
std::vector<std::string> listening_names(std::string_view proc_net_unix, std::string_view prefix) {
    std::vector<std::string> names;
    while (!proc_net_unix.empty()) {
        const std::string_view line = proc_net_unix.substr(0, proc_net_unix.find('\n'));
        proc_net_unix.remove_prefix(std::min(proc_net_unix.size(), line.size() + 1));
        std::string_view fields[8];
        std::size_t count = 0;
        for (std::size_t at = 0; count < 8;) {
            at = line.find_first_not_of(' ', at);
            if (at == line.npos) break;
            // The name is all that is left: it may have blanks.
            const std::size_t end =
                count == 7 ? line.size() : std::min(line.find(' ', at), line.size());
            fields[count++] = line.substr(at, end - at);
            at = end;
        }
        unsigned long flags = 0;
        std::from_chars(fields[3].data(), fields[3].data() + fields[3].size(), flags, 16);
        const bool listens = (flags & 0x10000UL) != 0;
        const std::string name(fields[7]);
        if (count == 8 && listens && name.starts_with(prefix) && name.size() > prefix.size() &&
            std::find(names.begin(), names.end(), name) == names.end()) {
            names.push_back(name);
        }
    }
    return names;
}

core::Result<http::Address> parse_admin_url(std::string_view url) {
    std::string_view text = url;
    if (text.starts_with("https://")) {
        return core::Error{"cannot ask " + std::string(url) +
                           ": the client does not speak TLS; use the control socket, or http:// "
                           "over loopback"};
    }
    if (text.starts_with("http://")) text.remove_prefix(7);
    if (!text.starts_with("unix:") && text.ends_with('/')) text.remove_suffix(1);
    core::Result<http::Address> address = http::parse_address(text);
    if (!address) {
        return core::Error{"cannot ask " + std::string(url) +
                           ": it needs an address such as http://127.0.0.1:9911 or unix:/path; "
                           "names but localhost are not looked up"};
    }
    return address;
}

}  // namespace pilotfish::daemon
