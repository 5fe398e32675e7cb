// One HTTP/1.1 response as it arrives: head, then a body by length, by chunks or up to the end. For
// the client commands, which ask a pilotfish; nothing else of HTTP is understood.
//
// One thread at a time; owns what it has not decided on yet (at most a head or a chunk's line).
// Never blocks. Fails: State::malformed, and stays so.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pilotfish::http {

class ResponseReader {
  public:
    enum class State : std::uint8_t { head, body, done, malformed };

    // Takes bytes as they came; appends to body what is of the body.
    State feed(std::string_view bytes, std::string& body);
    // The connection has ended.
    State end();

    State state() const { return state_; }
    int status() const { return status_; }  // once the head was read

  private:
    enum class Framing : std::uint8_t { length, chunks, until_end };

    bool read_head();
    void read_body(std::string& body);
    bool read_chunk_line();

    State state_ = State::head;
    Framing framing_ = Framing::until_end;
    int status_ = 0;
    std::uint64_t left_ = 0;       // of the body, or of the current chunk
    bool behind_a_chunk_ = false;  // its line break comes next
    bool in_trailer_ = false;      // after the last chunk
    std::string kept_;
};

}  // namespace pilotfish::http
