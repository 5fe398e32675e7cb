#include "config/identity.h"

#include <algorithm>
#include <charconv>

#include "config/command_text.h"
#include "config/quantity.h"

namespace pilotfish::config {
namespace {

constexpr std::int64_t kLeastNice = -20;  // sched(7)
constexpr std::int64_t kMostNice = 19;
constexpr std::int64_t kMostIoLevel = 7;  // ioprio_set(2)
constexpr std::string_view kIoClasses[] = {"realtime", "best-effort", "idle"};

bool is_account(std::string_view text, std::string_view what, std::string& why) {
    if (text.empty()) {
        why = "names no " + std::string(what);
        return false;
    }
    for (const char c : text) {
        if (static_cast<unsigned char>(c) > ' ' && c != ':' && c != ',' && c != 0x7f) continue;
        why = "has a character that is in no " + std::string(what) + "'s name";
        return false;
    }
    const bool digits = text.find_first_not_of("0123456789") == std::string_view::npos;
    std::uint32_t id = 0;
    if (digits && !parse_id(text, id)) {
        why = "has a number above 4294967294";
        return false;
    }
    return true;
}

}  // namespace

bool parse_id(std::string_view text, std::uint32_t& id) {
    std::uint32_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stop != end || text.empty() || number == UINT32_MAX) return false;
    id = number;
    return true;
}

bool parse_user(std::string_view text, UserChoice& value, std::string& why) {
    const std::size_t colon = text.find(':');
    const std::string_view user = text.substr(0, colon);
    if (!is_account(user, "user", why)) return false;
    UserChoice choice{std::string(user), {}};
    if (colon != std::string_view::npos) {
        choice.group = text.substr(colon + 1);
        if (!is_account(choice.group, "group", why)) return false;
    }
    value = std::move(choice);
    return true;
}

std::string format_user(const UserChoice& value) {
    return value.group.empty() ? value.user : value.user + ":" + value.group;
}

bool parse_group(std::string_view text, GroupChoice& value, std::string& why) {
    std::vector<std::string> names;
    if (!parse_list(text, names, why)) return false;
    GroupChoice choice;
    for (std::string& name : names) {
        if (!is_account(name, "group", why)) return false;
        if (choice.group.empty()) {
            choice.group = std::move(name);
        } else if (name != choice.group &&
                   std::find(choice.more.begin(), choice.more.end(), name) == choice.more.end()) {
            choice.more.push_back(std::move(name));
        }
    }
    value = std::move(choice);
    return true;
}

std::string format_group(const GroupChoice& value) {
    std::string text = value.group;
    for (const std::string& name : value.more) text.append(",").append(name);
    return text;
}

bool parse_umask(std::string_view text, Umask& value, std::string&) {
    unsigned bits = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, bits, 8);
    if (error != std::errc() || stop != end || text.empty() || bits > 0777) return false;
    value.bits = bits;
    return true;
}

std::string format_umask(Umask value) {
    std::string text = "0000";
    for (std::size_t at = 4; at-- > 1; value.bits >>= 3)
        text[at] = static_cast<char>('0' + (value.bits & 7));
    return text;
}

bool parse_niceness(std::string_view text, Niceness& value, std::string& why) {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    std::int64_t number = 0;
    if (!parse_whole(text, 0, negative ? -kLeastNice : kMostNice, number, why)) return false;
    value.value = static_cast<int>(negative ? -number : number);
    return true;
}

bool parse_io_priority(std::string_view text, IoPriority& value, std::string& why) {
    const std::size_t colon = text.find(':');
    for (int at = 0; at < 3; ++at) {
        if (text.substr(0, colon) != kIoClasses[at]) continue;
        IoPriority priority;
        priority.io_class = static_cast<IoPriority::Class>(at + 1);
        if (priority.io_class == IoPriority::Class::idle) {
            priority.level = 0;
            if (colon != std::string_view::npos) return why = "gives idle a level", false;
        } else if (colon != std::string_view::npos) {
            std::int64_t level = 0;
            if (!parse_whole(text.substr(colon + 1), 0, kMostIoLevel, level, why)) return false;
            priority.level = static_cast<int>(level);
        }
        value = priority;
        return true;
    }
    return false;
}

std::string format_io_priority(IoPriority value) {
    std::string text(kIoClasses[static_cast<int>(value.io_class) - 1]);
    if (value.io_class != IoPriority::Class::idle) text += ":" + std::to_string(value.level);
    return text;
}

bool parse_environment_files(std::string_view text, EnvironmentFiles& value, std::string& why) {
    std::vector<std::string> items;
    if (!parse_list(text, items, why)) return false;
    EnvironmentFiles files;
    for (std::string& item : items) {
        EnvironmentFile file;
        file.optional = item.starts_with('-');
        if (file.optional) item.erase(0, 1);
        if (!item.starts_with('/')) return why = "has a path that does not begin with /", false;
        file.path = std::move(item);
        files.push_back(std::move(file));
    }
    value = std::move(files);
    return true;
}

std::string format_environment_files(const EnvironmentFiles& value) {
    std::string text;
    for (const EnvironmentFile& file : value)
        text.append(text.empty() ? "" : ",").append(file.optional ? "-" : "").append(file.path);
    return text;
}

}  // namespace pilotfish::config
