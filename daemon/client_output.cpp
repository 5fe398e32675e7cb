#include "daemon/client_output.h"

#include <unistd.h>

#include <cerrno>

namespace pilotfish::daemon {

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

bool tell(std::string_view text) { return write_all(STDOUT_FILENO, text); }

int complain(int code, std::string_view sentence) {
    std::string text = "pilotfish: ";
    text.append(sentence);
    if (!text.ends_with('\n')) text += '\n';
    write_all(STDERR_FILENO, text);
    return code;
}

std::string harmless(std::string_view line) {
    std::string text;
    text.reserve(line.size());
    for (const char c : line) {
        // A tab stays; colours go with the rest, as the escape that begins them begins all else.
        const bool control = (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7f;
        text += control ? '?' : c;
    }
    return text;
}

}  // namespace pilotfish::daemon
