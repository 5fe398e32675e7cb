#include "daemon/log_format.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace pilotfish::daemon {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr char kHex[] = "0123456789abcdef";

void put_digits(char* at, unsigned value, int digits) {
    for (int i = digits - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

void append_number(std::string& out, std::uint64_t value) {
    char digits[20];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

// One SSE2 or NEON register: both baselines have them, and GCC and clang make the code.
using Block = signed char __attribute__((vector_size(16)));

// Index of the first byte that JSON does not take as it stands, sizeof(Block) if there is none.
// Signed, bytes from 0x80 on are negative: one comparison finds them with the control characters.
std::size_t first_special(const char* bytes) {
    Block block;
    std::memcpy(&block, bytes, sizeof block);
    const auto special = (block < 0x20) | (block == '"') | (block == '\\');
    std::uint64_t halves[2];
    std::memcpy(halves, &special, sizeof halves);
    static_assert(std::endian::native == std::endian::little);
    if (halves[0] != 0) return static_cast<std::size_t>(std::countr_zero(halves[0])) / 8;
    if (halves[1] != 0) return 8 + static_cast<std::size_t>(std::countr_zero(halves[1])) / 8;
    return sizeof block;
}

// Length of the longest head of text that JSON takes as it stands.
std::size_t plain_prefix(std::string_view text) {
    std::size_t at = 0;
    for (; at + sizeof(Block) <= text.size(); at += sizeof(Block)) {
        const std::size_t special = first_special(text.data() + at);
        if (special < sizeof(Block)) return at + special;
    }
    if (at == text.size()) return at;
    // The rest, filled up with bytes that nothing is done to.
    char rest[sizeof(Block)];
    std::memset(rest, ' ', sizeof rest);
    std::memcpy(rest, text.data() + at, text.size() - at);
    return std::min(text.size(), at + first_special(rest));
}

// The well-formed UTF-8 sequence at the head of text (Unicode 15, table 3-7), or the negated length
// of the maximal broken part that one U+FFFD stands for (Unicode 15, section 3.9).
// Requires: text begins with a byte >= 0x80.
int utf8_sequence(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    int length = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
        length = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        length = 3;
        if (lead == 0xE0) low = 0xA0;
        if (lead == 0xED) high = 0x9F;  // surrogates
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        length = 4;
        if (lead == 0xF0) low = 0x90;
        if (lead == 0xF4) high = 0x8F;  // beyond U+10FFFF
    } else {
        return -1;
    }
    for (int i = 1; i < length; ++i) {
        if (static_cast<std::size_t>(i) >= text.size()) return -i;
        const unsigned char next = byte(static_cast<std::size_t>(i));
        if (next < low || next > high) return -i;
        low = 0x80;
        high = 0xBF;
    }
    return length;
}

void append_json_escape(std::string& out, char byte) {
    switch (byte) {
        case '"': out += "\\\""; return;
        case '\\': out += "\\\\"; return;
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        default:
            out += "\\u00";
            out += kHex[static_cast<unsigned char>(byte) >> 4];
            out += kHex[static_cast<unsigned char>(byte) & 15];
    }
}

// The message of one of our own lines for people: one line, and nothing that moves a cursor.
void append_shown(std::string& out, std::string_view message) {
    for (const char byte : message) {
        const auto code = static_cast<unsigned char>(byte);
        if (byte == '\n') {
            out += "\\n";
        } else if ((code < 0x20 && byte != '\t') || code == 0x7F) {
            out += "\\x";
            out += kHex[code >> 4];
            out += kHex[code & 15];
        } else {
            out += byte;
        }
    }
}

constexpr std::string_view kLevelNames[] = {"debug", "info", "warn", "error", "off"};
constexpr std::string_view kLevelColours[] = {"\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m", ""};
constexpr std::string_view kPlainColour = "\x1b[0m";

}  // namespace

void append_time(std::string& out, WallTime time) {
    using namespace std::chrono;
    const auto millis = floor<milliseconds>(time);
    const auto day = floor<days>(millis);
    const year_month_day date{day};
    const hh_mm_ss clock{millis - day};
    char text[] = "0000-00-00T00:00:00.000Z";
    put_digits(text, static_cast<unsigned>(std::clamp(static_cast<int>(date.year()), 0, 9999)), 4);
    put_digits(text + 5, static_cast<unsigned>(date.month()), 2);
    put_digits(text + 8, static_cast<unsigned>(date.day()), 2);
    put_digits(text + 11, static_cast<unsigned>(clock.hours().count()), 2);
    put_digits(text + 14, static_cast<unsigned>(clock.minutes().count()), 2);
    put_digits(text + 17, static_cast<unsigned>(clock.seconds().count()), 2);
    put_digits(text + 20, static_cast<unsigned>(clock.subseconds().count()), 3);
    out.append(text, sizeof text - 1);
}

void append_json_string(std::string& out, std::string_view text) {
    while (true) {
        const std::size_t good = plain_prefix(text);
        out.append(text.data(), good);
        text.remove_prefix(good);
        if (text.empty()) return;
        if (static_cast<unsigned char>(text[0]) < 0x80) {
            append_json_escape(out, text[0]);
            text.remove_prefix(1);
            continue;
        }
        const int length = utf8_sequence(text);
        if (length > 0) {
            out.append(text.data(), static_cast<std::size_t>(length));
        } else {
            out += kReplacement;
        }
        text.remove_prefix(static_cast<std::size_t>(std::abs(length)));
    }
}

LineFormat::LineFormat(LineStyle style, std::string_view worker, std::string_view stream)
    : style_(style) {
    if (style != LineStyle::json) {
        name_ = worker;
        return;
    }
    name_ = "\",\"worker\":\"";
    append_json_string(name_, worker);
    name_ += "\",\"stream\":\"";
    append_json_string(name_, stream);
    name_ += '"';
}

std::string LineFormat::head(WallTime time) const {
    if (style_ == LineStyle::raw) return "";
    if (style_ == LineStyle::prefix) return name_ + " | ";
    std::string head = "{\"time\":\"";
    append_time(head, time);
    return head += name_;
}

void LineFormat::append(std::string& out, const Line& line, std::string_view head) const {
    out.append(head);
    if (style_ == LineStyle::json) {
        out.append(line.goes_on ? ",\"partial\":true,\"line\":\"" : ",\"line\":\"");
        append_json_string(out, line.text);
        out.append("\"}\n");
        return;
    }
    if (line.continues && style_ == LineStyle::prefix) out[out.size() - 2] = '+';
    std::string_view text = line.text;
    for (std::size_t nul; (nul = text.find('\0')) != text.npos; text.remove_prefix(nul + 1)) {
        out.append(text.substr(0, nul)).append(kReplacement);
    }
    out.append(text);
    out += '\n';
}

void LineFormat::append_loss(std::string& out, std::uint64_t lost, WallTime time,
                             std::string_view why) const {
    if (style_ == LineStyle::json) {
        out.append(head(time)).append(",\"lost_lines\":");
        append_number(out, lost);
        out += "}\n";
        return;
    }
    out.append(name_).append(" | pilotfish: ");
    append_number(out, lost);
    out += lost == 1 ? " line" : " lines";
    out.append(" lost: ").append(why) += '\n';
}

void append_own_line(std::string& out, OwnStyle style, WallTime time, core::LogLevel level,
                     std::string_view channel, std::string_view message) {
    const auto index = std::min<std::size_t>(static_cast<std::size_t>(level), 4);
    const std::string_view name = kLevelNames[index];
    if (style == OwnStyle::json) {
        out += "{\"time\":\"";
        append_time(out, time);
        out.append("\",\"level\":\"").append(name).append("\",\"channel\":\"");
        append_json_string(out, channel);
        out += "\",\"message\":\"";
        append_json_string(out, message);
        out += "\"}\n";
        return;
    }
    const bool coloured = style == OwnStyle::coloured_text;
    append_time(out, time);
    out += ' ';
    if (coloured) out += kLevelColours[index];
    out += name;
    if (coloured) out += kPlainColour;
    out.append(5 - std::min<std::size_t>(name.size(), 5), ' ');
    out.append(" [").append(channel).append("] ");
    append_shown(out, message);
    out += '\n';
}

bool wants_colour(int descriptor) {
    const char* refused = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    if (refused != nullptr && *refused != '\0') return false;
    if (terminal != nullptr && std::string_view(terminal) == "dumb") return false;
    return isatty(descriptor) == 1;
}

}  // namespace pilotfish::daemon
