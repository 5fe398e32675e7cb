#include "cgroup/parse_number.h"

namespace pilotfish::cgroup {

std::optional<std::uint64_t> find_value(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
            return parse_number(trim(line.substr(key.size() + 1)));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return std::nullopt;
}

}  // namespace pilotfish::cgroup
