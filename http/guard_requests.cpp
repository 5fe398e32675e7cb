// The guard's side of one request: reading it, giving it away, sending the answer.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include "http/connection.h"
#include "http/guard.h"

namespace pilotfish::http {
namespace {

constexpr std::size_t kReadBytes = 16 * 1024;
// Two steps a request, so that a connection has its share of 16 requests and then waits its turn.
constexpr int kStepsARound = 32;
// A piece is gathered up to this before it is sent.
constexpr std::size_t kPieceBytes = 64 * 1024;

std::string as_chunk(std::string_view text) {
    if (text.empty()) return {};
    char size[20];
    const auto end = std::to_chars(size, size + sizeof size, text.size(), 16);
    std::string chunk(static_cast<const char*>(size), static_cast<const char*>(end.ptr));
    chunk += "\r\n";
    chunk += text;
    chunk += "\r\n";
    return chunk;
}

}  // namespace

// The whole request, on a pool thread.
struct Guard::PageJob final : Job {
    PageJob(Ticket made_for, std::shared_ptr<Shared> with)
        : Job(made_for), shared(std::move(with)) {}

    void run() override {
        Message message;
        message.kind = Message::Kind::answer;
        message.ticket = ticket;
        const std::string_view body = std::string_view(inbound->bytes).substr(head_end);
        message.answer = shared->pages.answer(inbound->head, body, peer, listener, close);
        if (message.answer.stream) {
            // The waker may outlive guard and connection: it holds the inbox by way of shared.
            message.answer.stream->on_ready([shared = shared, to = ticket] {
                Message wake;
                wake.ticket = to;
                shared->inbox.post(std::move(wake));
            });
        }
        shared->inbox.post(std::move(message));
    }

    std::shared_ptr<Shared> shared;
    std::unique_ptr<Inbound> inbound;
    std::size_t head_end = 0;
    Peer peer;
    ListenerKind listener = ListenerKind::admin;
    bool close = false;
};

// The next piece of a stream, on a pool thread.
struct Guard::PieceJob final : Job {
    PieceJob(Ticket made_for, std::shared_ptr<Shared> with, std::unique_ptr<BodyStream> from,
             bool in_chunks)
        : Job(made_for), shared(std::move(with)), stream(std::move(from)), chunked(in_chunks) {}

    void run() override {
        Message message;
        message.kind = Message::Kind::piece;
        message.ticket = ticket;
        std::string text;
        do {
            message.pull = stream->next(text);
        } while (message.pull == BodyStream::Pull::more && text.size() < kPieceBytes);
        message.answer.bytes = chunked ? as_chunk(text) : std::move(text);
        if (chunked && message.pull == BodyStream::Pull::end) message.answer.bytes += "0\r\n\r\n";
        message.answer.stream = std::move(stream);
        shared->inbox.post(std::move(message));
    }

    std::shared_ptr<Shared> shared;
    std::unique_ptr<BodyStream> stream;
    bool chunked;
};

void Guard::advance(Connection& connection) {
    using State = Connection::State;
    for (int steps = 0;; ++steps) {
        // Whoever sends probe after probe without a pause must not keep us from the others.
        if (steps == kStepsARound) return unfinished_.push_back(connection.id);
        Step step = Step::wait;
        switch (connection.state) {
            case State::reading: step = read_request(connection); break;
            case State::working: return;
            case State::answering: step = write_answer(connection); break;
            case State::waiting:
                // A reader that will send nothing more is taken for gone only here, where there is
                // nothing to send that would find out.
                step = connection.peer_closed ? Step::close : Step::wait;
                break;
            case State::lingering: step = linger(connection); break;
        }
        if (step == Step::close) return close_connection(connection);
        if (step == Step::wait) return;
    }
}

Guard::Step Guard::read_request(Connection& connection) {
    while (true) {
        const Step step = take_request(connection);
        if (step != Step::wait) return step;
        if (!connection.readable) return Step::wait;
        const Step received = receive(connection);
        if (received != Step::again) return received;
    }
}

// wait: more bytes are needed.
Guard::Step Guard::take_request(Connection& connection) {
    Inbound& inbound = *connection.inbound;
    if (inbound.bytes.empty()) return Step::wait;
    if (!connection.request_begun) {
        connection.request_begun = true;
        connection.since = now_;
        set_deadline(connection, options_.head_timeout);
    }
    if (!connection.head_read) {
        const auto scanned = connection.scanner.scan(inbound.bytes, caps_);
        if (scanned == HeadScanner::State::refused) {
            const Refusal& refusal = connection.scanner.refusal();
            return refuse(connection, refusal.status, refusal.why);
        }
        if (scanned == HeadScanner::State::more) return Step::wait;
        const std::size_t begin = connection.scanner.begin();
        const std::string_view head =
            std::string_view(inbound.bytes).substr(begin, connection.scanner.end() - begin);
        inbound.head = Head{};
        if (const auto refusal = parse_head(head, caps_, inbound.head)) {
            return refuse(connection, refusal->status, refusal->why);
        }
        connection.head_read = true;
        connection.request_end = connection.scanner.end() + inbound.head.content_length;
        if (connection.request_end > inbound.bytes.size()) {
            // The body will be appended, and must not move the bytes the head points into.
            if (inbound.bytes.capacity() < connection.request_end + kReadBytes) {
                inbound.bytes.reserve(connection.request_end + kReadBytes);
                inbound.head = Head{};
                const std::string_view moved =
                    std::string_view(inbound.bytes).substr(begin, connection.scanner.end() - begin);
                static_cast<void>(parse_head(moved, caps_, inbound.head));
            }
            if (inbound.head.expects_continue) {
                constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
                // A socket that does not take 25 bytes first thing has a client that does not read.
                if (send(connection.fd, kContinue.data(), kContinue.size(),
                         MSG_NOSIGNAL | MSG_DONTWAIT) != static_cast<ssize_t>(kContinue.size())) {
                    return Step::close;
                }
            }
        }
    }
    if (inbound.bytes.size() < connection.request_end) return Step::wait;
    return dispatch(connection, connection.scanner.end(), connection.request_end);
}

// again: something has arrived; wait: nothing more is there now.
Guard::Step Guard::receive(Connection& connection) {
    char buffer[kReadBytes];
    const ssize_t got = recv(connection.fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got > 0) {
        // A short read has emptied the socket, unless its end has been seen behind the bytes.
        if (static_cast<std::size_t>(got) < sizeof buffer && !connection.peer_closed) {
            connection.readable = false;
        }
        connection.inbound->bytes.append(buffer, static_cast<std::size_t>(got));
        return Step::again;
    }
    if (got < 0 && errno == EINTR) return Step::again;
    if (got < 0 && errno == EAGAIN) {
        connection.readable = false;
        return Step::wait;
    }
    return Step::close;
}

Guard::Step Guard::dispatch(Connection& connection, std::size_t head_end, std::size_t request_end) {
    std::unique_ptr<Inbound> inbound =
        std::exchange(connection.inbound, std::make_unique<Inbound>());
    // What a client has sent ahead is the next request's.
    connection.inbound->bytes = inbound->bytes.substr(request_end);
    inbound->bytes.resize(request_end);
    connection.scanner = HeadScanner();
    connection.request_begun = false;
    connection.head_read = false;
    connection.request_read = now_;
    connection.since = now_;
    const bool close = !inbound->head.keep_alive;
    if (Router::is_probe(inbound->head.target)) {
        const std::string_view body = std::string_view(inbound->bytes).substr(head_end);
        begin_answer(connection, shared_->probes.answer(inbound->head, body, connection.peer,
                                                        connection.kind, close));
        return Step::again;
    }
    auto job = std::make_unique<PageJob>(Ticket{connection.id, ++connection.job}, shared_);
    job->inbound = std::move(inbound);
    job->head_end = head_end;
    job->peer = connection.peer;
    job->listener = connection.kind;
    job->close = close;
    jobs_.push_back(std::move(job));
    connection.state = Connection::State::working;
    set_deadline(connection, options_.answer_timeout);
    return Step::wait;
}

void Guard::begin_answer(Connection& connection, Answer answer) {
    shared_->stats.answered(answer.route, answer.status, Clock::now() - connection.request_read);
    connection.out = std::move(answer.bytes);
    connection.sent = 0;
    connection.close_after = answer.close;
    connection.stream = std::move(answer.stream);
    connection.after = std::move(answer.after);
    connection.streaming = connection.stream != nullptr;
    connection.chunked = answer.chunked;
    connection.stream_waits = false;
    connection.wake_pending = false;
    connection.state = Connection::State::answering;
    set_deadline(connection, options_.write_timeout);
}

Guard::Step Guard::refuse(Connection& connection, int status, std::string_view why) {
    connection.request_read = now_;
    begin_answer(connection, refusal_answer(status, why));
    return Step::again;
}

Guard::Step Guard::write_answer(Connection& connection) {
    while (connection.sent < connection.out.size()) {
        if (!connection.writable) return Step::wait;
        const ssize_t sent =
            send(connection.fd, connection.out.data() + connection.sent,
                 connection.out.size() - connection.sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            connection.sent += static_cast<std::size_t>(sent);
            connection.since = now_;
            set_deadline(connection, options_.write_timeout);
        } else if (errno == EAGAIN) {
            connection.writable = false;
        } else if (errno != EINTR) {
            return Step::close;
        }
    }
    if (connection.stream) return next_piece(connection);
    connection.after.now();
    // Kept for the next answer when small; a large page must not stay with an idle connection.
    if (connection.out.capacity() > kReadBytes) std::string().swap(connection.out);
    connection.out.clear();
    connection.sent = 0;
    connection.streaming = false;
    if (connection.close_after) {
        // Closing with unread bytes would reset the connection and can take the answer with it.
        shutdown(connection.fd, SHUT_WR);
        connection.state = Connection::State::lingering;
        set_deadline(connection, options_.linger_timeout);
        return Step::again;
    }
    connection.state = Connection::State::reading;
    set_deadline(connection, options_.idle_timeout);
    return Step::again;
}

Guard::Step Guard::next_piece(Connection& connection) {
    if (connection.stream_waits && !std::exchange(connection.wake_pending, false)) {
        connection.state = Connection::State::waiting;
        set_deadline(connection, std::min(options_.stream_pulse, connection.stream->patience()));
        return Step::again;
    }
    connection.wake_pending = false;
    connection.state = Connection::State::working;
    set_deadline(connection, options_.answer_timeout);
    jobs_.push_back(std::make_unique<PieceJob>(Ticket{connection.id, ++connection.job}, shared_,
                                               std::move(connection.stream), connection.chunked));
    return Step::wait;
}

Guard::Step Guard::linger(Connection& connection) {
    char buffer[kReadBytes];
    while (connection.readable) {
        const ssize_t got = recv(connection.fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN)
            connection.readable = false;
        else if (got <= 0)
            return Step::close;
        else if (connection.linger_budget <= static_cast<std::size_t>(got))
            return Step::close;
        else
            connection.linger_budget -= static_cast<std::size_t>(got);
    }
    return Step::wait;
}

}  // namespace pilotfish::http
