#include "config/capability_set.h"

#include <algorithm>
#include <vector>

#include "config/command_text.h"
#include "config/nearest_name.h"

namespace pilotfish::config {
namespace {

constexpr std::string_view kNames[] = {"chown",
                                       "dac_override",
                                       "dac_read_search",
                                       "fowner",
                                       "fsetid",
                                       "kill",
                                       "setgid",
                                       "setuid",
                                       "setpcap",
                                       "linux_immutable",
                                       "net_bind_service",
                                       "net_broadcast",
                                       "net_admin",
                                       "net_raw",
                                       "ipc_lock",
                                       "ipc_owner",
                                       "sys_module",
                                       "sys_rawio",
                                       "sys_chroot",
                                       "sys_ptrace",
                                       "sys_pacct",
                                       "sys_admin",
                                       "sys_boot",
                                       "sys_nice",
                                       "sys_resource",
                                       "sys_time",
                                       "sys_tty_config",
                                       "mknod",
                                       "lease",
                                       "audit_write",
                                       "audit_control",
                                       "setfcap",
                                       "mac_override",
                                       "mac_admin",
                                       "syslog",
                                       "wake_alarm",
                                       "block_suspend",
                                       "audit_read",
                                       "perfmon",
                                       "bpf",
                                       "checkpoint_restore"};

std::string lower(std::string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
}

bool parse_one(std::string item, CapabilityMask& mask, std::string& why) {
    std::string name = lower(item);
    if (name.starts_with("cap_")) name.erase(0, 4);
    const auto found = std::find(std::begin(kNames), std::end(kNames), name);
    if (found == std::end(kNames)) {
        const std::vector<std::string_view> known(std::begin(kNames), std::end(kNames));
        const std::string_view nearest = nearest_name(name, known);
        why =
            "names no capability: " + item +
            (nearest.empty() ? std::string() : "; did you mean cap_" + std::string(nearest) + "?");
        return false;
    }
    mask |= CapabilityMask{1} << (found - std::begin(kNames));
    return true;
}

}  // namespace

std::span<const std::string_view> capability_names() { return kNames; }

std::string capability_words(CapabilityMask mask) {
    std::string text;
    for (std::size_t at = 0; at < 64; ++at) {
        if ((mask >> at & 1) == 0) continue;
        if (!text.empty()) text += ',';
        if (at < std::size(kNames)) {
            text.append("cap_").append(kNames[at]);
        } else {
            text += std::to_string(at);
        }
    }
    return text.empty() ? "none" : text;
}

bool parse_capabilities(std::string_view text, CapabilityChoice& value, std::string& why) {
    CapabilityChoice choice;
    if (text == "none") return value = choice, true;
    std::vector<std::string> items;
    if (!parse_list(text, items, why)) return false;
    choice.all = items.front() == "all" || items.front().starts_with('-');
    for (std::size_t at = 0; at < items.size(); ++at) {
        std::string& item = items[at];
        if (item == "none") return why = "has none beside others", false;
        if (item == "all" && at == 0) continue;
        if (item == "all") return why = "has all behind others", false;
        if (item.starts_with('-') != choice.all)
            return why = "both gives and takes: all can be followed by -cap_name alone", false;
        if (choice.all) item.erase(0, 1);
        if (!parse_one(std::move(item), choice.named, why)) return false;
    }
    value = choice;
    return true;
}

std::string format_capabilities(const CapabilityChoice& value) {
    if (!value.all) return capability_words(value.named);
    std::string text = "all";
    for (std::size_t at = 0; at < std::size(kNames); ++at) {
        if ((value.named >> at & 1) != 0) text.append(",-cap_").append(kNames[at]);
    }
    return text;
}

}  // namespace pilotfish::config
