#include "config/resource_amount.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>

namespace pilotfish::config {
namespace {

struct Known {
    std::string_view name;
    int resource;
    bool in_bytes;
};

// setrlimit(2), all of Linux's.
constexpr std::array<Known, 16> kKnown{{{"AS", RLIMIT_AS, true},
                                        {"CORE", RLIMIT_CORE, true},
                                        {"CPU", RLIMIT_CPU, false},
                                        {"DATA", RLIMIT_DATA, true},
                                        {"FSIZE", RLIMIT_FSIZE, true},
                                        {"LOCKS", RLIMIT_LOCKS, false},
                                        {"MEMLOCK", RLIMIT_MEMLOCK, true},
                                        {"MSGQUEUE", RLIMIT_MSGQUEUE, true},
                                        {"NICE", RLIMIT_NICE, false},
                                        {"NOFILE", RLIMIT_NOFILE, false},
                                        {"NPROC", RLIMIT_NPROC, false},
                                        {"RSS", RLIMIT_RSS, true},
                                        {"RTPRIO", RLIMIT_RTPRIO, false},
                                        {"RTTIME", RLIMIT_RTTIME, false},
                                        {"SIGPENDING", RLIMIT_SIGPENDING, false},
                                        {"STACK", RLIMIT_STACK, true}}};

const Known* find_known(std::string_view name) {
    const auto known = std::find_if(kKnown.begin(), kKnown.end(),
                                    [name](const Known& each) { return each.name == name; });
    return known == kKnown.end() ? nullptr : known;
}

// Decimals as they were written, at most nine: "90", "87.5".
std::string decimal_text(double value) {
    std::string text = std::to_string(value);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text;
}

bool parse_bound(std::string_view text, bool in_bytes, std::optional<std::uint64_t>& bound,
                 std::string& why) {
    if (text == "unlimited") return bound.reset(), true;
    if (in_bytes) {
        Bytes size;
        if (!parse_size(text, size, why)) return false;
        bound = size.count;
        return true;
    }
    std::int64_t number = 0;
    if (!parse_whole(text, 0, INT64_MAX, number, why)) return false;
    bound = static_cast<std::uint64_t>(number);
    return true;
}

std::string bound_text(const std::optional<std::uint64_t>& bound, bool in_bytes) {
    if (!bound) return "unlimited";
    return in_bytes ? format_size(Bytes{*bound}) : std::to_string(*bound);
}

bool is_below(const std::optional<std::uint64_t>& hard, const std::optional<std::uint64_t>& soft) {
    return hard && (!soft || *hard < *soft);
}

}  // namespace

bool parse_share(std::string_view text, double& share, std::string& why) {
    Cpus percent;  // the same decimal number
    text.remove_suffix(1);
    if (text.ends_with('m') || !parse_cpus(text, percent, why)) return false;
    if (percent.count > 100) {
        why = "is more than all of it";
        return false;
    }
    share = percent.count / 100;
    return true;
}

std::string format_share(double share) { return decimal_text(share * 100) + "%"; }

bool parse_cpu_amount(std::string_view text, CpuAmount& value, std::string& why) {
    if (text.ends_with('%')) {
        double share = 0;
        if (!parse_share(text, share, why)) return false;
        value = {.is_share = true, .cpus = 0, .share = share};
        return true;
    }
    Cpus cpus;
    if (!parse_cpus(text, cpus, why)) return false;
    value = {.is_share = false, .cpus = cpus.count, .share = 0};
    return true;
}

std::string format_cpu_amount(const CpuAmount& value) {
    return value.is_share ? format_share(value.share) : decimal_text(value.cpus);
}

bool parse_memory_amount(std::string_view text, MemoryAmount& value, std::string& why) {
    if (text.ends_with('%')) {
        double share = 0;
        if (!parse_share(text, share, why)) return false;
        value = {.is_share = true, .size = {}, .share = share};
        return true;
    }
    Bytes size;
    if (!parse_size(text, size, why)) return false;
    if (size.count == 0) {
        why = "leaves no memory at all";
        return false;
    }
    value = {.is_share = false, .size = size, .share = 0};
    return true;
}

std::string format_memory_amount(const MemoryAmount& value) {
    return value.is_share ? format_share(value.share) : format_size(value.size);
}

bool parse_resource_limit(std::string_view name, std::string_view text, ResourceLimit& value,
                          std::string& why) {
    const Known* known = find_known(name);
    if (known == nullptr) {
        why = "names no limit of setrlimit(2): RLIMIT_" + std::string(name);
        return false;
    }
    const std::size_t colon = text.find(':');
    ResourceLimit limit{std::string(name), known->resource, {}, {}};
    if (!parse_bound(text.substr(0, colon), known->in_bytes, limit.soft, why)) return false;
    limit.hard = limit.soft;
    if (colon != std::string_view::npos &&
        !parse_bound(text.substr(colon + 1), known->in_bytes, limit.hard, why))
        return false;
    if (is_below(limit.hard, limit.soft)) {
        why = "has its hard limit below its soft one";
        return false;
    }
    value = std::move(limit);
    return true;
}

std::string format_resource_limit(const ResourceLimit& value) {
    const Known* known = find_known(value.name);
    const bool in_bytes = known != nullptr && known->in_bytes;
    std::string text = bound_text(value.soft, in_bytes);
    if (value.hard != value.soft) text += ":" + bound_text(value.hard, in_bytes);
    return text;
}

bool parse_reaction(std::string_view text, Reaction& value, std::string& why) {
    constexpr std::string_view kSignal = "signal:";
    if (text == "none") return value = {}, true;
    if (text == "restart") return value = {.kind = Reaction::Kind::restart, .signal = {}}, true;
    if (!text.starts_with(kSignal)) return false;
    Signal signal;
    if (!parse_signal(text.substr(kSignal.size()), signal, why)) return false;
    value = {.kind = Reaction::Kind::signal, .signal = signal};
    return true;
}

std::string format_reaction(const Reaction& value) {
    switch (value.kind) {
        case Reaction::Kind::none: return "none";
        case Reaction::Kind::restart: return "restart";
        case Reaction::Kind::signal: return "signal:" + format_signal(value.signal);
    }
    return {};
}

}  // namespace pilotfish::config
