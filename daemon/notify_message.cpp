#include "daemon/notify_message.h"

#include <charconv>
#include <cstdint>
#include <limits>

namespace pilotfish::daemon {
namespace {

template <class Number>
bool read_number(std::string_view text, Number& value) {
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    return !text.empty() && error == std::errc() && stopped == end;
}

// A year: what is longer is nobody's timeout, and must not overflow the clock's nanoseconds.
constexpr std::uint64_t kMostMicroseconds = 365ULL * 24 * 3600 * 1'000'000;

bool read_microseconds(std::string_view text, std::optional<std::chrono::nanoseconds>& value) {
    std::uint64_t count = 0;
    if (!read_number(text, count) || count > kMostMicroseconds) return false;
    value = std::chrono::microseconds(count);
    return true;
}

bool read_flag(std::string_view text, bool& flag) {
    if (text == "1") flag = true;
    return text == "1" || text == "0";
}

bool read_watchdog(std::string_view text, NotifyMessage& message) {
    if (text == "trigger") return message.gives_up = true;
    return read_flag(text, message.keep_alive) && message.keep_alive;
}

// False: the line says something that it cannot say.
bool read_line(std::string_view name, std::string_view value, NotifyMessage& message) {
    if (name == "READY") return read_flag(value, message.ready);
    if (name == "RELOADING") return read_flag(value, message.reloading);
    if (name == "STOPPING") return read_flag(value, message.stopping);
    if (name == "BARRIER") return read_flag(value, message.barrier);
    if (name == "WATCHDOG") return read_watchdog(value, message);
    if (name == "WATCHDOG_USEC") return read_microseconds(value, message.watchdog);
    if (name == "EXTEND_TIMEOUT_USEC") return read_microseconds(value, message.extend_timeout);
    if (name == "STATUS") {
        message.status = printable(value, kMostStatusBytes);
        return true;
    }
    if (name == "MAINPID") {
        pid_t pid = 0;
        if (!read_number(value, pid) || pid <= 0) return false;
        message.main_pid = pid;
    }
    if (name == "ERRNO") {
        int number = 0;
        if (!read_number(value, number) || number < 0) return false;
        message.error_number = number;
    }
    return true;
}

// Bytes of the UTF-8 sequence that begins here; 0: none does.
std::size_t sequence_at(std::string_view text) {
    const auto byte = [&text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return first >= 0x20 && first != 0x7F ? 1 : 0;
    const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < size) return 0;
    for (std::size_t at = 1; at < size; ++at)
        if ((byte(at) & 0xC0) != 0x80) return 0;
    const unsigned char second = byte(1);
    const bool wrong = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
                       (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F) ||
                       // C1 control characters, which terminals act on.
                       (first == 0xC2 && second < 0xA0);
    return wrong ? 0 : size;
}

}  // namespace

std::string printable(std::string_view text, std::size_t most_bytes) {
    std::string out;
    while (!text.empty()) {
        const std::size_t size = sequence_at(text);
        if (out.size() + (size == 0 ? 1 : size) > most_bytes) break;
        if (size == 0) {
            out.push_back('?');
        } else {
            out.append(text.substr(0, size));
        }
        text.remove_prefix(size == 0 ? 1 : size);
    }
    return out;
}

NotifyMessage parse_notify_message(std::string_view datagram) {
    NotifyMessage message;
    // C programs may send the NUL that ends their string.
    if (datagram.ends_with('\0')) datagram.remove_suffix(1);
    if (datagram.find('\0') != datagram.npos) {
        message.refused = "a NUL among its lines";
        return message;
    }
    while (!datagram.empty()) {
        const std::size_t end = datagram.find('\n');
        const std::string_view line = datagram.substr(0, end);
        datagram.remove_prefix(end == datagram.npos ? datagram.size() : end + 1);
        if (line.empty()) continue;
        const std::size_t equals = line.find('=');
        const bool read = equals != line.npos &&
                          read_line(line.substr(0, equals), line.substr(equals + 1), message);
        if (!read) message.refused = printable(line, 80);
    }
    return message;
}

}  // namespace pilotfish::daemon
