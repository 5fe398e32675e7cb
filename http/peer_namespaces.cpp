#include "http/peer_namespaces.h"

namespace pilotfish::http {

std::size_t pid_namespace_depth(std::string_view status) {
    // A line of its own: in the process's name, which it chooses, a line break is written as \\n.
    constexpr std::string_view kLine = "\nNSpid:";
    const std::size_t at = status.find(kLine);
    if (at == std::string_view::npos) return 0;
    std::string_view line = status.substr(at + kLine.size());
    const std::size_t end = line.find('\n');
    if (end == std::string_view::npos) return 0;  // cut off
    line = line.substr(0, end);
    std::size_t count = 0;
    bool in_number = false;
    for (const char c : line) {
        const bool digit = c >= '0' && c <= '9';
        if (!digit && c != '\t' && c != ' ') return 0;
        if (digit && !in_number) ++count;
        in_number = digit;
    }
    return count;
}

bool same_user_map(std::string_view theirs, std::string_view ours) {
    return !theirs.empty() && theirs.back() == '\n' && theirs == ours;
}

}  // namespace pilotfish::http
