#include "config/probe_setting.h"

#include "config/command_text.h"
#include "config/line_pattern.h"
#include "config/quantity.h"
#include "core/socket_address.h"

namespace pilotfish::config {
namespace {

constexpr std::string_view kTcp = "tcp:";
constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";
constexpr std::string_view kExec = "exec:";
constexpr std::string_view kDescriptor = "fd:";
constexpr std::string_view kLog = "log:";

// Names are not looked up: what is asked is this container, and a resolver that hangs would look
// like a worker that hangs.
bool parse_address(std::string_view text, std::string& address, std::string& why) {
    const auto parsed = core::InetAddress::parse(text);
    if (!parsed || text.starts_with(':')) {
        why =
            "needs an address and a port, such as 127.0.0.1:8080, [::1]:8080 or localhost:8080; "
            "other names are not looked up";
        return false;
    }
    if (parsed->port() == 0) return why = "has no port that could be asked", false;
    address = text;
    return true;
}

bool parse_url(std::string_view text, ProbeTarget& value, std::string& why) {
    const std::size_t end = text.find_first_of("/?#");
    std::string address(text.substr(0, end));
    std::string path(end == text.npos ? "/" : text.substr(end));
    if (path.front() == '?') path.insert(path.begin(), '/');
    if (address.find('@') != address.npos)
        return why = "has a user in its address, which is not sent", false;
    for (const char c : path) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte <= ' ' || byte >= 127 || c == '#')
            return why = "has a path with a character that must be written as %XX", false;
    }
    const std::size_t bracket = address.rfind(']');
    const std::size_t colon = address.find(':', bracket == address.npos ? 0 : bracket);
    if (colon == address.npos) address += ":80";
    ProbeTarget target;
    target.kind = ProbeTarget::Kind::http;
    target.path = std::move(path);
    if (!parse_address(address, target.address, why)) return false;
    value = std::move(target);
    return true;
}

// False with an empty `why`: no probe at all.
bool parse_probe(std::string_view text, ProbeTarget& value, std::string& why) {
    if (text.starts_with(kHttp)) return parse_url(text.substr(kHttp.size()), value, why);
    if (text.starts_with(kHttps)) {
        why =
            "asks by TLS, which a probe inside the container has no need of: use http://, tcp: "
            "or exec:";
        return false;
    }
    ProbeTarget target;
    if (text.starts_with(kTcp)) {
        if (!parse_address(text.substr(kTcp.size()), target.address, why)) return false;
    } else if (text.starts_with(kExec)) {
        target.kind = ProbeTarget::Kind::exec;
        if (!parse_command(text.substr(kExec.size()), target.command, why)) return false;
    } else {
        return false;
    }
    value = std::move(target);
    return true;
}

}  // namespace

bool parse_ready(std::string_view text, ReadySetting& value, std::string& why) {
    ReadySetting ready;
    if (text == "none") return value = ready, true;
    if (text == "notify") {
        ready.kind = ReadySetting::Kind::notify;
    } else if (text.starts_with(kDescriptor)) {
        // 3: the first above the standard three; 1023: what every RLIMIT_NOFILE allows.
        std::int64_t number = 0;
        if (!parse_whole(text.substr(kDescriptor.size()), 3, 1023, number, why)) {
            why = "needs a descriptor from 3 to 1023";
            return false;
        }
        ready.kind = ReadySetting::Kind::descriptor;
        ready.descriptor = static_cast<int>(number);
    } else if (text.starts_with(kLog)) {
        LinePattern pattern;
        ready.kind = ReadySetting::Kind::log_line;
        ready.pattern = text.substr(kLog.size());
        if (!LinePattern::parse(ready.pattern, pattern, why)) return false;
    } else {
        ready.kind = ReadySetting::Kind::probe;
        if (!parse_probe(text, ready.probe, why)) return false;
    }
    value = std::move(ready);
    return true;
}

bool parse_liveness(std::string_view text, LivenessSetting& value, std::string& why) {
    if (text == "none") return value = {}, true;
    ProbeTarget target;
    if (!parse_probe(text, target, why)) return false;
    value.probe = std::move(target);
    return true;
}

std::string format_probe(const ProbeTarget& value) {
    switch (value.kind) {
        case ProbeTarget::Kind::tcp: return std::string(kTcp) + value.address;
        case ProbeTarget::Kind::http: return std::string(kHttp) + value.address + value.path;
        case ProbeTarget::Kind::exec: return std::string(kExec) + format_command(value.command);
    }
    return {};
}

std::string format_ready(const ReadySetting& value) {
    switch (value.kind) {
        case ReadySetting::Kind::none: return "none";
        case ReadySetting::Kind::notify: return "notify";
        case ReadySetting::Kind::descriptor:
            return std::string(kDescriptor) + std::to_string(value.descriptor);
        case ReadySetting::Kind::log_line: return std::string(kLog) + value.pattern;
        case ReadySetting::Kind::probe: return format_probe(value.probe);
    }
    return {};
}

std::string format_liveness(const LivenessSetting& value) {
    return value.probe ? format_probe(*value.probe) : "none";
}

}  // namespace pilotfish::config
