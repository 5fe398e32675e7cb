#include "daemon/control_socket.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "core/log.h"

namespace pilotfish::daemon {
namespace {

// Whoever may connect has the level that loopback would give, and more only by who it is
// (http/peer.h). Without write permission others could not even ask.
constexpr unsigned kSocketMode = 0666;

core::Result<std::string> bind_at(http::Server& server, const std::string& address) {
    auto bound = server.bind(http::ListenerKind::admin, address, kSocketMode);
    if (!bound) return bound.error();
    return address;
}

// Where others may write, they may put a socket of their own in our place.
bool is_ours_alone(const std::string& directory) {
    struct stat info{};
    return lstat(directory.c_str(), &info) == 0 && S_ISDIR(info.st_mode) &&
           (info.st_uid == 0 || info.st_uid == geteuid()) && (info.st_mode & 022) == 0;
}

}  // namespace

unsigned long pid_namespace() {
    char text[64] = {};
    if (readlink("/proc/self/ns/pid", text, sizeof text - 1) <= 0) return 0;
    const std::string_view link(text);  // "pid:[4026531836]"
    const std::size_t open = link.find('[');
    return open == link.npos ? 0 : std::strtoul(text + open + 1, nullptr, 10);
}

std::string abstract_prefix(unsigned long pid_namespace) {
    return "@pilotfish/" + std::to_string(pid_namespace) + "-";
}

core::Result<std::string> bind_control_socket(http::Server& server,
                                              const config::Configuration& configuration,
                                              const std::string& directory) {
    const config::ControlSocket& setting = configuration.settings.control_socket;
    using Kind = config::ControlSocket::Kind;
    if (setting.kind == Kind::off) return std::string();
    if (setting.kind == Kind::path) {
        auto bound = bind_at(server, "unix:" + setting.path);
        if (!bound) return bound.error().within("PILOTFISH_CONTROL_SOCKET");
        return bound;
    }
    // Not writable (a read-only root, another user), or another pilotfish of this container lives
    // there, or the directory is not ours alone: then the name that needs no file system.
    mkdir(directory.c_str(), 0755);
    const std::string name = "unix:" + abstract_prefix(pid_namespace()) + std::to_string(getpid());
    // After an upgrade in place it stays where the workers know it to be.
    const bool keeps_name = server.inherits(http::ListenerKind::admin, name);
    if (!keeps_name && is_ours_alone(directory)) {
        if (auto bound = bind_at(server, "unix:" + directory + "/" + kControlFile)) return bound;
    }
    auto bound = bind_at(server, name);
    if (bound) return bound;
    core::log(core::LogLevel::warn, "daemon",
              "going on without a control socket, pilotfish status and the like will not find this "
              "daemon: " +
                  bound.error().message + "; PILOTFISH_CONTROL_SOCKET sets another path");
    return std::string();
}

}  // namespace pilotfish::daemon
