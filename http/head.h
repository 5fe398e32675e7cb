// The head of an HTTP/1.1 request, read strictly: what two readers could understand differently is
// refused (RFC 9112 sections 2.2, 3, 6.3 and 11.2), because a proxy in front of us may be one of
// the two. Pure: no sockets, no clock; fuzzed by tests/fuzz/http_fuzz.cpp.
//
// Any thread. A Head borrows the bytes it was read from. Never blocks. Fails: a Refusal, the
// status and the sentence the client gets.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace pilotfish::http {

struct HeadCaps {
    std::size_t bytes_max = 16 * 1024;
    std::size_t headers_max = 100;
    std::size_t target_bytes_max = 4096;  // longest the routes can use, many times over
    std::size_t body_bytes_max = 64 * 1024;
};

struct Refusal {
    int status = 400;
    std::string_view why;
};

struct Field {
    std::string_view name;
    std::string_view value;  // without the white space around it
};

struct Head {
    std::string_view method;
    std::string_view target;  // origin-form: "/path?query"
    std::string_view host;    // empty only in HTTP/1.0
    int minor_version = 1;    // of HTTP/1
    std::vector<Field> fields;
    std::size_t content_length = 0;
    bool keep_alive = true;
    bool expects_continue = false;

    // The first field of that name (any case); empty when there is none.
    std::string_view field(std::string_view name) const;
};

// Finds the end of a head in bytes that arrive piece by piece; each byte is looked at once.
class HeadScanner {
  public:
    enum class State { more, complete, refused };

    // Requires: in begins with the bytes of the call before, perhaps followed by more.
    State scan(std::string_view in, const HeadCaps& caps);
    // After complete: the head is in[begin(), end()).
    std::size_t begin() const { return begin_; }
    std::size_t end() const { return scanned_; }
    const Refusal& refusal() const { return refusal_; }

  private:
    State refuse(int status, std::string_view why);

    std::size_t begin_ = 0;  // empty lines before a request are skipped
    std::size_t scanned_ = 0;
    std::size_t line_start_ = 0;
    std::size_t lines_ = 0;
    Refusal refusal_;
};

// Requires: bytes is what HeadScanner found complete. nullopt in `refusal` means head is good.
std::optional<Refusal> parse_head(std::string_view bytes, const HeadCaps& caps, Head& head);

bool equal_ignoring_case(std::string_view a, std::string_view b);

// "host", "host:port", "[v6]:port" taken apart: the host in lower case terms is left to the caller;
// brackets and port are gone. nullopt: not a host.
std::optional<std::string_view> host_without_port(std::string_view host);

}  // namespace pilotfish::http
