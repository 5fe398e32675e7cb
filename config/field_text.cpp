#include "config/field_text.h"

#include <algorithm>

#include "config/command_text.h"
#include "config/in_quotes.h"
#include "config/nearest_name.h"
#include "config/rightsize_programs.h"

namespace pilotfish::config {
namespace {

constexpr std::int64_t kMostProcessors = 4096;  // as quantity.h says of Cpus
constexpr std::int64_t kMostWeight = 10000;     // cgroup v2's cpu.weight
constexpr std::int64_t kMostOomScore = 1000;    // proc(5): oom_score_adj
constexpr std::int64_t kMostInstances = 1000;   // more is a typo; chosen, not measured

bool is_absolute(std::string_view path, std::string& why) {
    if (path.starts_with('/')) return true;
    why = "does not begin with /";
    return false;
}

// Cuts the next word off "a, b or c".
std::string_view cut_word(std::string_view& words) {
    const std::size_t end = words.find_first_of(", ");
    const std::string_view word = words.substr(0, end);
    words.remove_prefix(end == std::string_view::npos ? words.size() : end);
    for (const std::string_view between : {", ", " or "}) {
        if (words.starts_with(between)) words.remove_prefix(between.size());
    }
    return word;
}

bool is_worker_name(std::string_view name) {
    if (name.empty() || name.front() < 'a' || name.front() > 'z') return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

template <class Items, class Show>
std::string joined(const Items& items, Show show) {
    std::string text;
    for (const auto& item : items) {
        if (!text.empty()) text.push_back(',');
        text.append(show(item));
    }
    return text;
}

}  // namespace

bool find_choice(std::string_view text, std::string_view accepted, std::uint8_t& place) {
    for (std::uint8_t at = 0; !accepted.empty(); ++at) {
        if (cut_word(accepted) == text) return place = at, true;
    }
    return false;
}

std::string_view choice_word(std::string_view accepted, std::uint8_t place) {
    while (place-- > 0 && !accepted.empty()) cut_word(accepted);
    return cut_word(accepted);
}

bool read_field(std::string_view text, bool& field, std::string& why) {
    return parse_boolean(text, field, why);
}

bool read_field(std::string_view text, int& field, std::string& why) {
    std::int64_t number = 0;
    if (!parse_whole(text, 1, kMostProcessors, number, why)) return false;
    field = static_cast<int>(number);
    return true;
}

bool read_field(std::string_view text, std::optional<int>& field, std::string& why) {
    if (text == "auto") return field.reset(), true;
    int number = 0;
    if (!read_field(text, number, why)) return false;
    field = number;
    return true;
}

bool read_field(std::string_view text, Duration& field, std::string& why) {
    return parse_duration(text, field, why);
}

bool read_field(std::string_view text, MemoryLimitSetting& field, std::string& why) {
    using Kind = MemoryLimitSetting::Kind;
    if (text == "off") {
        field = {.kind = Kind::off, .share = 0, .size = {}};
        return true;
    }
    MemoryAmount amount;
    if (!parse_memory_amount(text, amount, why)) return false;
    field = {.kind = amount.is_share ? Kind::share : Kind::size,
             .share = amount.share,
             .size = amount.size};
    return true;
}

bool read_field(std::string_view text, Bytes& field, std::string& why) {
    return parse_size(text, field, why);
}

bool read_field(std::string_view text, Signal& field, std::string& why) {
    return parse_signal(text, field, why);
}

bool read_field(std::string_view text, ExitCodes& field, std::string& why) {
    std::vector<std::string> items;
    if (!parse_list(text, items, why)) return false;
    ExitCodes codes;
    for (const std::string& item : items) {
        std::int64_t code = 0;
        if (!parse_whole(item, 0, 255, code, why)) return false;
        codes.push_back(static_cast<std::uint8_t>(code));
    }
    std::sort(codes.begin(), codes.end());
    codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
    field = std::move(codes);
    return true;
}

bool read_field(std::string_view text, Listeners& field, std::string& why) {
    if (text == "off") return field.clear(), true;
    std::vector<std::string> items;
    if (!parse_list(text, items, why)) return false;
    Listeners listeners;
    for (const std::string& item : items) {
        ListenAddress address;
        if (!parse_listen_address(item, address, why)) return false;
        if (std::find(listeners.begin(), listeners.end(), address) != listeners.end()) {
            why = "names " + item + " twice";
            return false;
        }
        listeners.push_back(std::move(address));
    }
    field = std::move(listeners);
    return true;
}

bool read_field(std::string_view text, Secret& field, std::string& why) {
    // What a bearer token can carry in a header; a file's trailing newline is the usual slip.
    if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; })) {
        why = "has a blank, a line break or a character that is not ASCII";
        return false;
    }
    field.text = text;
    return true;
}

bool read_field(std::string_view text, std::string& field, std::string& why) {
    if (!is_absolute(text, why)) return false;
    field = text;
    return true;
}

bool read_field(std::string_view text, OptionalPath& field, std::string& why) {
    if (text == "off") return field.path.clear(), true;
    if (!is_absolute(text, why)) return false;
    field.path = text;
    return true;
}

bool read_field(std::string_view text, ControlSocket& field, std::string& why) {
    using Kind = ControlSocket::Kind;
    if (text == "auto") return field = {}, true;
    if (text == "off") return field = {.kind = Kind::off}, true;
    ListenAddress address;
    if (!is_absolute(text, why)) return false;
    if (!parse_listen_address("unix:" + std::string(text), address, why)) return false;
    field = {.kind = Kind::path, .path = std::move(address.unix_path)};
    return true;
}

bool read_field(std::string_view text, ProcessName& field, std::string& why) {
    const bool shown = std::all_of(text.begin(), text.end(),
                                   [](unsigned char c) { return c >= ' ' && c != 0x7f; });
    if (text.empty() || !shown) {
        why = text.empty() ? "is empty" : "has a line break or another control character";
        return false;
    }
    if (text.find('/') != std::string_view::npos) {
        why = "is a path: the name alone is compared";
        return false;
    }
    field.text = text;
    return true;
}

bool read_field(std::string_view text, Names& field, std::string& why) {
    Names names;
    if (!parse_list(text, names, why)) return false;
    for (auto name = names.begin(); name != names.end(); ++name) {
        if (!is_worker_name(*name)) {
            why = "has \"" + *name + "\" in it";
            return false;
        }
        if (std::find(names.begin(), name, *name) != name) {
            why = "names " + *name + " twice";
            return false;
        }
    }
    field = std::move(names);
    return true;
}

bool read_field(std::string_view text, std::optional<CpuAmount>& field, std::string& why) {
    CpuAmount amount;
    if (!parse_cpu_amount(text, amount, why)) return false;
    field = amount;
    return true;
}

bool read_field(std::string_view text, std::optional<MemoryAmount>& field, std::string& why) {
    MemoryAmount amount;
    if (!parse_memory_amount(text, amount, why)) return false;
    field = amount;
    return true;
}

bool read_field(std::string_view text, Weight& field, std::string& why) {
    std::int64_t number = 0;
    if (!parse_whole(text, 1, kMostWeight, number, why)) return false;
    field.count = static_cast<int>(number);
    return true;
}

bool read_field(std::string_view text, std::optional<Weight>& field, std::string& why) {
    Weight weight;
    if (!read_field(text, weight, why)) return false;
    field = weight;
    return true;
}

bool read_field(std::string_view text, Count& field, std::string& why) {
    std::optional<Count> count;
    if (!read_field(text, count, why)) return false;
    field = *count;
    return true;
}

bool read_field(std::string_view text, std::optional<Count>& field, std::string& why) {
    std::int64_t number = 0;
    if (!parse_whole(text, 1, INT64_MAX, number, why)) return false;
    field = Count{number};
    return true;
}

bool read_field(std::string_view text, std::optional<OomScore>& field, std::string& why) {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    std::int64_t number = 0;
    if (!parse_whole(text, 0, kMostOomScore, number, why)) return false;
    field = OomScore{static_cast<int>(negative ? -number : number)};
    return true;
}

bool read_field(std::string_view text, std::optional<RightsizeChoice>& field, std::string& why) {
    RightsizeChoice choice;
    Rightsize profile{};
    if (read_field(text, profile, why)) {
        choice.profile = profile;
    } else if (!read_field(text, choice.programs, why)) {
        return false;
    }
    for (const std::string& name : choice.programs) {
        if (read_field(name, profile, why)) {
            why = "has the profile " + name + " among programs";
            return false;
        }
        if (std::ranges::find(kRightsizePrograms, name) != kRightsizePrograms.end()) continue;
        const std::vector<std::string_view> known(kRightsizePrograms.begin(),
                                                  kRightsizePrograms.end());
        const std::string_view nearest = nearest_name(name, known);
        why = "names " + in_quotes(name) + ", which has no variables of its own" +
              (nearest.empty() ? std::string() : "; did you mean " + std::string(nearest) + "?");
        return false;
    }
    field = std::move(choice);
    return true;
}

bool read_field(std::string_view text, Reaction& field, std::string& why) {
    return parse_reaction(text, field, why);
}

bool read_field(std::string_view text, ReadySetting& field, std::string& why) {
    return parse_ready(text, field, why);
}

bool read_field(std::string_view text, LivenessSetting& field, std::string& why) {
    return parse_liveness(text, field, why);
}

bool read_field(std::string_view text, Debug& field, std::string& why) {
    std::vector<std::string> items;
    if (!parse_list(text, items, why)) return false;
    Debug debug;
    for (const std::string& item : items) {
        if (item == "memtrace=1" || item == "memtrace=0") {
            debug.memtrace = item.back() == '1';
        } else {
            why = "has " + in_quotes(item) + " in it";
            return false;
        }
    }
    field = debug;
    return true;
}
bool read_field(std::string_view text, std::optional<Schedule>& field, std::string& why) {
    Schedule schedule;
    if (!parse_schedule(text, schedule, why)) return false;
    field = std::move(schedule);
    return true;
}

bool read_field(std::string_view text, Instances& field, std::string& why) {
    std::int64_t number = 0;
    if (!parse_whole(text, 1, kMostInstances, number, why)) return false;
    field.count = static_cast<int>(number);
    return true;
}

bool read_field(std::string_view text, RateLimit& field, std::string& why) {
    return parse_rate_limit(text, field, why);
}

std::string show_field(bool field) { return field ? "true" : "false"; }
std::string show_field(int field) { return std::to_string(field); }
std::string show_field(const std::optional<int>& field) {
    return field ? std::to_string(*field) : "auto";
}
std::string show_field(Duration field) { return format_duration(field); }
std::string show_field(const MemoryLimitSetting& field) {
    using Kind = MemoryLimitSetting::Kind;
    if (field.kind == Kind::off) return "off";
    if (field.kind == Kind::size) return format_size(field.size);
    return format_share(field.share);
}
std::string show_field(Bytes field) { return format_size(field); }
std::string show_field(Signal field) { return format_signal(field); }
std::string show_field(const ExitCodes& field) {
    return joined(field, [](std::uint8_t code) { return std::to_string(code); });
}
std::string show_field(const Listeners& field) {
    return field.empty() ? "off" : joined(field, format_listen_address);
}
std::string show_field(const Secret& field) { return field.empty() ? "" : "(set, not shown)"; }
std::string show_field(const std::string& field) { return field; }
std::string show_field(const OptionalPath& field) {
    return field.path.empty() ? "off" : field.path;
}
std::string show_field(const ControlSocket& field) {
    if (field.kind == ControlSocket::Kind::path) return field.path;
    return field.kind == ControlSocket::Kind::off ? "off" : "auto";
}
std::string show_field(const ProcessName& field) { return field.text; }
std::string show_field(const Names& field) {
    return joined(field, [](const std::string& name) { return name; });
}
std::string show_field(const std::optional<CpuAmount>& field) {
    return field ? format_cpu_amount(*field) : "";
}
std::string show_field(const std::optional<MemoryAmount>& field) {
    return field ? format_memory_amount(*field) : "";
}
std::string show_field(Weight field) { return std::to_string(field.count); }
std::string show_field(const std::optional<Weight>& field) {
    return field ? show_field(*field) : "";
}
std::string show_field(const Count& field) { return std::to_string(field.most); }

std::string show_field(const std::optional<Count>& field) {
    return field ? std::to_string(field->most) : "";
}
std::string show_field(const std::optional<OomScore>& field) {
    return field ? std::to_string(field->adjustment) : "";
}
std::string show_field(const std::optional<RightsizeChoice>& field) {
    if (!field) return "";
    return field->profile ? show_field(*field->profile) : show_field(field->programs);
}
std::string show_field(const Reaction& field) { return format_reaction(field); }
std::string show_field(const ReadySetting& field) { return format_ready(field); }
std::string show_field(const LivenessSetting& field) { return format_liveness(field); }
std::string show_field(const Debug& field) { return field.memtrace ? "memtrace=1" : ""; }
std::string show_field(const std::optional<Schedule>& field) { return field ? field->text : ""; }
std::string show_field(Instances field) { return std::to_string(field.count); }
std::string show_field(const RateLimit& field) { return format_rate_limit(field); }

}  // namespace pilotfish::config
