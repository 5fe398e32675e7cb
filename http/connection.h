// One connection of the guard: its socket, what has arrived, what is to be sent, and where it is in
// the life of a request. http/guard.h says how these move.
//
// The guard's thread only. Owns the socket, the buffers and, between pieces, the stream.
#pragma once

#include <sys/epoll.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "http/guard.h"

namespace pilotfish::http {

// A request's bytes and the head that points into them; it moves to the job as a whole.
struct Inbound {
    std::string bytes;
    Head head;
};

struct Guard::Connection {
    enum class State {
        reading,    // a head or body is arriving, or nothing is
        working,    // a job has the request, or makes the next piece of the answer
        answering,  // out is being sent
        waiting,    // a stream has nothing to say
        lingering,  // all was said; what still arrives is thrown away until the client has read
    };

    Connection(int socket, std::uint64_t number, ListenerKind of)
        : fd(socket), id(number), kind(of), inbound(std::make_unique<Inbound>()) {}
    ~Connection() { close(fd); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void note_events(std::uint32_t events) {
        if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) readable = true;
        if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) writable = true;
        if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) peer_closed = true;
    }

    bool may_be_evicted() const { return state == State::reading || state == State::lingering; }

    void take_piece(Message message) {
        stream = std::move(message.answer.stream);
        out = std::move(message.answer.bytes);
        sent = 0;
        stream_waits = message.pull == BodyStream::Pull::wait;
        if (message.pull == BodyStream::Pull::end) stream.reset();
    }

    const int fd;
    const std::uint64_t id;
    const ListenerKind kind;
    Peer peer;
    State state = State::reading;

    bool readable = true;  // there may be something to read; likewise writable
    bool writable = true;
    bool peer_closed = false;  // the client sends no more
    std::unique_ptr<Inbound> inbound;
    HeadScanner scanner;
    bool request_begun = false;
    bool head_read = false;
    std::size_t request_end = 0;  // in inbound->bytes, once the head was read

    std::uint64_t job = 0;  // of the current ticket
    std::chrono::steady_clock::time_point request_read;
    std::string out;
    std::size_t sent = 0;
    bool close_after = false;
    Afterwards after;
    std::unique_ptr<BodyStream> stream;
    bool streaming = false;  // the answer's head told of pieces to come
    bool chunked = false;
    bool stream_waits = false;  // the stream said `wait` with its last piece
    bool wake_pending = false;  // its waker has called since

    std::chrono::steady_clock::time_point since;  // of the last progress, for eviction
    std::chrono::steady_clock::time_point deadline;
    std::size_t linger_budget = 256 * 1024;  // bytes thrown away before we stop being polite
};

}  // namespace pilotfish::http
