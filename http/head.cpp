#include "http/head.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/check.h"

namespace pilotfish::http {
namespace {

// Classes of bytes by RFC 9110 section 5.6.2 and 5.5.
enum : std::uint8_t { kToken = 1, kFieldValue = 2, kTarget = 4, kHost = 8, kHex = 16, kDigit = 32 };

constexpr std::array<std::uint8_t, 256> make_classes() {
    std::array<std::uint8_t, 256> classes{};
    constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";
    constexpr std::string_view kHostMarks = ".-_:[]%";
    for (int byte = 0; byte < 256; ++byte) {
        const char letter = static_cast<char>(byte);
        const bool digit = byte >= '0' && byte <= '9';
        const bool alpha = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        const bool hex = digit || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
        int set = 0;
        if (alpha || digit || kTokenMarks.find(letter) != std::string_view::npos) set |= kToken;
        if (alpha || digit || kHostMarks.find(letter) != std::string_view::npos) set |= kHost;
        if (byte == '\t' || (byte >= 0x20 && byte != 0x7f)) set |= kFieldValue;
        if (byte > 0x20 && byte < 0x7f && byte != '#') set |= kTarget;
        if (hex) set |= kHex;
        if (digit) set |= kDigit;
        classes[static_cast<std::size_t>(byte)] = static_cast<std::uint8_t>(set);
    }
    return classes;
}

constexpr auto kClasses = make_classes();

bool is(char byte, std::uint8_t wanted) {
    return (kClasses[static_cast<unsigned char>(byte)] & wanted) != 0;
}

bool all(std::string_view text, std::uint8_t wanted) {
    return std::all_of(text.begin(), text.end(), [wanted](char byte) { return is(byte, wanted); });
}

char lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

int hex_value(char digit) { return is(digit, kDigit) ? digit - '0' : lower(digit) - 'a' + 10; }

// Escapes must be whole, and none may hide a control character: what a path or a parameter holds
// can end up in a log line or a file name.
std::optional<Refusal> check_target(std::string_view target) {
    if (!all(target, kTarget)) return Refusal{400, "the target holds a byte that must be escaped"};
    for (std::size_t at = target.find('%'); at != std::string_view::npos;
         at = target.find('%', at + 1)) {
        if (at + 2 >= target.size() || !is(target[at + 1], kHex) || !is(target[at + 2], kHex)) {
            return Refusal{400, "the target holds a % that is not followed by two hex digits"};
        }
        const int byte = hex_value(target[at + 1]) * 16 + hex_value(target[at + 2]);
        if (byte < 0x20 || byte == 0x7f) {
            return Refusal{400, "the target holds an escaped control character"};
        }
    }
    return std::nullopt;
}

// absolute-form (RFC 9112 section 3.2.2): what clients of a forward proxy send.
std::optional<Refusal> split_absolute(Head& head, std::string_view& authority) {
    constexpr std::string_view kScheme = "http://";
    if (head.target.size() < kScheme.size() ||
        !equal_ignoring_case(head.target.substr(0, kScheme.size()), kScheme)) {
        return Refusal{400, "the target is not a path"};
    }
    std::string_view rest = head.target.substr(kScheme.size());
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos) return Refusal{400, "the target has no path"};
    authority = rest.substr(0, slash);
    head.target = rest.substr(slash);
    return std::nullopt;
}

std::optional<Refusal> parse_request_line(std::string_view line, const HeadCaps& caps, Head& head,
                                          std::string_view& authority) {
    const std::size_t first = line.find(' ');
    const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
    if (second == std::string_view::npos) {
        return Refusal{400, "the request line is not METHOD TARGET VERSION"};
    }
    head.method = line.substr(0, first);
    head.target = line.substr(first + 1, second - first - 1);
    const std::string_view version = line.substr(second + 1);
    if (head.method.empty() || head.method.size() > 16 || !all(head.method, kToken)) {
        return Refusal{400, "the method is not a token"};
    }
    if (version.size() != 8 || version.substr(0, 5) != "HTTP/" || !is(version[5], kDigit) ||
        version[6] != '.' || !is(version[7], kDigit)) {
        return Refusal{400, "the request line does not end with HTTP/1.1"};
    }
    if (version[5] != '1' || version[7] > '1') return Refusal{505, "only HTTP/1.0 and HTTP/1.1"};
    head.minor_version = version[7] - '0';
    if (head.target.empty()) return Refusal{400, "the target is empty"};
    if (head.target.size() > caps.target_bytes_max) return Refusal{414, "the target is too long"};
    if (head.target.front() != '/') {
        if (auto refusal = split_absolute(head, authority)) return refusal;
    }
    return check_target(head.target);
}

// What the fields that decide on framing said, to be judged once all were seen.
struct Framing {
    int lengths = 0;
    int hosts = 0;
    bool transfer_encoding = false;
    bool chunked = false;
    bool says_close = false;
    bool says_keep_alive = false;
};

std::optional<Refusal> read_length(std::string_view value, const HeadCaps& caps, Head& head) {
    if (value.empty() || !all(value, kDigit)) {
        return Refusal{400, "Content-Length is not a decimal number"};
    }
    // 18 digits cannot overflow 64 bits.
    if (value.size() > 18) return Refusal{413, "the body is too large"};
    std::uint64_t length = 0;
    for (char digit : value) length = length * 10 + static_cast<std::uint64_t>(digit - '0');
    if (length > caps.body_bytes_max) return Refusal{413, "the body is too large"};
    head.content_length = static_cast<std::size_t>(length);
    return std::nullopt;
}

void read_connection(std::string_view value, Framing& framing) {
    while (!value.empty()) {
        const std::size_t comma = value.find(',');
        const std::string_view option = trim(value.substr(0, comma));
        if (equal_ignoring_case(option, "close")) framing.says_close = true;
        if (equal_ignoring_case(option, "keep-alive")) framing.says_keep_alive = true;
        value = comma == std::string_view::npos ? std::string_view() : value.substr(comma + 1);
    }
}

std::optional<Refusal> read_field(const Field& field, const HeadCaps& caps, Head& head,
                                  Framing& framing) {
    const auto named = [&](std::string_view name) { return equal_ignoring_case(field.name, name); };
    if (named("content-length")) {
        ++framing.lengths;
        return read_length(field.value, caps, head);
    }
    if (named("transfer-encoding")) {
        framing.transfer_encoding = true;
        framing.chunked = equal_ignoring_case(field.value, "chunked");
    } else if (named("host")) {
        ++framing.hosts;
        head.host = field.value;
    } else if (named("connection")) {
        read_connection(field.value, framing);
    } else if (named("expect")) {
        if (!equal_ignoring_case(field.value, "100-continue")) {
            return Refusal{417, "only Expect: 100-continue is understood"};
        }
        head.expects_continue = true;
    }
    return std::nullopt;
}

std::optional<Refusal> judge(const Framing& framing, std::string_view authority, Head& head) {
    if (framing.lengths > 1) return Refusal{400, "Content-Length is given twice"};
    if (framing.transfer_encoding) {
        if (framing.lengths > 0) {
            return Refusal{400, "Content-Length and Transfer-Encoding are both given"};
        }
        if (head.minor_version == 0) return Refusal{400, "Transfer-Encoding in HTTP/1.0"};
        if (!framing.chunked) return Refusal{501, "this Transfer-Encoding is not understood"};
        return Refusal{411, "bodies need a Content-Length here; chunked ones are not read"};
    }
    if (framing.hosts > 1) return Refusal{400, "Host is given twice"};
    if (framing.hosts == 0 && head.minor_version == 1) return Refusal{400, "Host is missing"};
    if (framing.hosts == 1 && !host_without_port(head.host)) {
        return Refusal{400, "Host is not a host"};
    }
    if (!authority.empty() && !equal_ignoring_case(authority, head.host)) {
        return Refusal{400, "the target and Host name different hosts"};
    }
    head.keep_alive = head.minor_version == 1 ? !framing.says_close
                                              : framing.says_keep_alive && !framing.says_close;
    head.expects_continue = head.expects_continue && head.minor_version == 1;
    return std::nullopt;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                              [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::string_view> host_without_port(std::string_view host) {
    if (!all(host, kHost)) return std::nullopt;
    std::string_view name = host;
    std::string_view port;
    if (!host.empty() && host.front() == '[') {
        const std::size_t close = host.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        name = host.substr(1, close - 1);
        port = host.substr(close + 1);
    } else if (const std::size_t colon = host.find(':'); colon != std::string_view::npos) {
        name = host.substr(0, colon);
        port = host.substr(colon);
    }
    if (!port.empty() && (port.front() != ':' || !all(port.substr(1), kDigit) || port.size() > 6)) {
        return std::nullopt;
    }
    if (name.find_first_of("[]") != std::string_view::npos) return std::nullopt;
    return name;
}

std::string_view Head::field(std::string_view name) const {
    for (const Field& field : fields) {
        if (equal_ignoring_case(field.name, name)) return field.value;
    }
    return {};
}

HeadScanner::State HeadScanner::refuse(int status, std::string_view why) {
    refusal_ = {status, why};
    return State::refused;
}

HeadScanner::State HeadScanner::scan(std::string_view in, const HeadCaps& caps) {
    while (true) {
        // Anything but a letter cannot begin a method: most of all a TLS hello.
        if (lines_ == 0 && in.size() > line_start_ && in[line_start_] != '\r' &&
            (lower(in[line_start_]) < 'a' || lower(in[line_start_]) > 'z')) {
            return refuse(400, "this is not an HTTP/1.1 request (the port speaks plain HTTP)");
        }
        const std::size_t newline = in.find('\n', scanned_);
        if (newline == std::string_view::npos) {
            scanned_ = in.size();
            if (scanned_ - begin_ >= caps.bytes_max) return refuse(431, "the head is too large");
            return State::more;
        }
        if (newline == line_start_ || in[newline - 1] != '\r') {
            return refuse(400, "a line ends with a bare line feed");
        }
        scanned_ = newline + 1;
        if (scanned_ - begin_ > caps.bytes_max) return refuse(431, "the head is too large");
        const bool empty = newline - line_start_ == 1;
        line_start_ = scanned_;
        if (empty && lines_ > 0) return State::complete;
        if (empty) {
            // RFC 9112 section 2.2: an empty line before the request is to be ignored. A few.
            begin_ = scanned_;
            if (begin_ > 8) return refuse(400, "empty lines where a request should begin");
        } else if (++lines_ > caps.headers_max + 1) {
            return refuse(431, "there are too many header fields");
        }
    }
}

std::optional<Refusal> parse_head(std::string_view bytes, const HeadCaps& caps, Head& head) {
    PF_CHECK(bytes.size() >= 4 && bytes.substr(bytes.size() - 4) == "\r\n\r\n",
             "parse_head was given a head without its end");
    std::size_t line_end = bytes.find("\r\n");
    std::string_view authority;
    if (auto refusal = parse_request_line(bytes.substr(0, line_end), caps, head, authority)) {
        return refusal;
    }
    Framing framing;
    for (std::size_t at = line_end + 2; at + 2 < bytes.size(); at = line_end + 2) {
        line_end = bytes.find("\r\n", at);
        const std::string_view line = bytes.substr(at, line_end - at);
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) return Refusal{400, "a header line has no colon"};
        const Field field{line.substr(0, colon), trim(line.substr(colon + 1))};
        // Also refuses folded lines, and white space before the colon.
        if (field.name.empty() || !all(field.name, kToken)) {
            return Refusal{400, "a header's name is not a token"};
        }
        if (!all(field.value, kFieldValue)) {
            return Refusal{400, "a header's value holds a control character"};
        }
        if (auto refusal = read_field(field, caps, head, framing)) return refusal;
        head.fields.push_back(field);
    }
    return judge(framing, authority, head);
}

}  // namespace pilotfish::http
