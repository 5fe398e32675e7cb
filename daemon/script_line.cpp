#include "daemon/script_line.h"

#include <algorithm>
#include <cstddef>

namespace pilotfish::daemon {
namespace {

constexpr std::string_view kBlanks = " \t";
// The kernel's buffer (BINPRM_BUF_SIZE): what lies beyond it does not count.
constexpr std::size_t kKernelBytes = 256;

std::string_view take_word(std::string_view& rest) {
    rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
    const std::string_view word = rest.substr(0, rest.find_first_of(kBlanks));
    rest.remove_prefix(word.size());
    return word;
}

}  // namespace

std::optional<ScriptLine> parse_script_line(std::string_view head) {
    head = head.substr(0, kKernelBytes);
    if (!head.starts_with("#!")) return std::nullopt;
    std::string_view rest = head.substr(2, head.find_first_of(std::string_view("\n\0", 2)) - 2);
    const std::string_view program = take_word(rest);
    if (program.empty() || program.front() != '/') return std::nullopt;
    if (program.substr(program.rfind('/') + 1) != "env") return ScriptLine{program, false};
    std::string_view word = take_word(rest);
    if (word == "-S" || word == "--split-string") word = take_word(rest);
    while (word.find('=') != std::string_view::npos && !word.starts_with('-'))
        word = take_word(rest);
    if (word.empty() || word.starts_with('-')) return std::nullopt;
    return ScriptLine{word, word.find('/') == std::string_view::npos};
}

}  // namespace pilotfish::daemon
