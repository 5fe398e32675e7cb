#include "http/guard.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "core/check.h"
#include "core/log.h"
#include "http/connection.h"
#include "http/peer.h"
#include "http/thread.h"

namespace pilotfish::http {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kInboxId = 0;
constexpr std::uint64_t kFirstDoorId = 1;
constexpr std::uint64_t kFirstConnectionId = 1024;  // far above any number of listeners
constexpr int kEventsARound = 64;                   // a probe waits for at most this many others
constexpr int kAcceptsARound = 64;
constexpr milliseconds kAcceptPause{100};  // chosen: while the process is out of descriptors

int milliseconds_until(std::chrono::steady_clock::time_point then,
                       std::chrono::steady_clock::time_point now) {
    if (then == std::chrono::steady_clock::time_point::max()) return -1;
    if (then <= now) return 0;
    // Rounded up: waking before the deadline would only mean waking twice.
    const auto left = std::chrono::ceil<milliseconds>(then - now).count();
    return static_cast<int>(std::min<std::int64_t>(left, 3'600'000));
}

bool watch(int epoll_fd, int fd, std::uint32_t events, std::uint64_t id) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

Shared::Shared(std::shared_ptr<const Sources> from, const ServerOptions& options)
    : sources(std::move(from)),
      access(options.admin_token, options.read_token),
      router(PageContext{*sources, stats}, access),
      pages(router),
      probes(router) {}

Guard::Guard(std::shared_ptr<Shared> shared, ServerOptions options)
    : shared_(std::move(shared)),
      options_(std::move(options)),
      caps_{.bytes_max = options_.head_bytes_max,
            .headers_max = options_.headers_max,
            .body_bytes_max = options_.body_bytes_max},
      next_id_(kFirstConnectionId) {}

Guard::~Guard() { stop(); }

void Guard::add_listener(ListenerKind kind, Listener listener) {
    PF_CHECK(!thread_.joinable(), "a listener was added to a started admin plane");
    doors_.push_back({kind, std::move(listener)});
}

std::vector<BoundListener> Guard::listeners() const {
    std::vector<BoundListener> list;
    for (const Door& door : doors_) {
        list.push_back({door.kind, door.listener.name(), door.listener.port(), door.listener.fd(),
                        door.listener.asked()});
    }
    return list;
}

void Guard::remove_socket_files() const {
    for (const Door& door : doors_) door.listener.remove_file();
}

core::Result<void> Guard::start() {
    PF_CHECK(!thread_.joinable() && !stopping_, "the admin plane was started twice");
    if (doors_.empty()) return {};
    epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd_ < 0) return core::system_error("start the admin plane", errno);
    if (!shared_->inbox.ok()) return core::system_error("start the admin plane", EMFILE);
    bool watched = watch(epoll_fd_, shared_->inbox.event_fd(), EPOLLIN, kInboxId);
    for (std::size_t i = 0; i < doors_.size(); ++i) {
        watched = watched && watch(epoll_fd_, doors_[i].listener.fd(), EPOLLIN, kFirstDoorId + i);
    }
    if (!watched) return core::system_error("start the admin plane", errno);
    core::Result<std::thread> made = start_thread("pilotfish-admin", [this] { run(); });
    if (!made) return made.error().within("cannot start the admin plane");
    thread_ = std::move(*made);
    return {};
}

void Guard::stop() {
    if (thread_.joinable()) {
        stopping_.store(true);
        shared_->inbox.nudge();
        thread_.join();
        if (!pool_.stop(options_.stop_patience)) {
            core::log(core::LogLevel::warn, "http",
                      "a page did not finish; its thread is left behind");
        }
    }
    if (epoll_fd_ >= 0) close(std::exchange(epoll_fd_, -1));
    doors_.clear();
}

void Guard::run() {
    while (!stopping_.load()) wait_and_handle();
    connections_.clear();
}

void Guard::wait_and_handle() {
    std::array<epoll_event, kEventsARound> events;
    const std::vector<std::uint64_t> unfinished = std::exchange(unfinished_, {});
    const auto wake = std::min(next_deadline_, accept_again_);
    const int timeout_ms = unfinished.empty() ? milliseconds_until(wake, Clock::now()) : 0;
    const int count = epoll_wait(epoll_fd_, events.data(), kEventsARound, timeout_ms);
    now_ = Clock::now();
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        const std::uint64_t id = event.data.u64;
        if (id == kInboxId) {
            read_messages();
        } else if (id < kFirstConnectionId) {
            accept_all(doors_[id - kFirstDoorId]);
        } else if (const auto found = connections_.find(id); found != connections_.end()) {
            Connection& connection = *found->second;
            connection.note_events(event.events);
            advance(connection);
        }
    }
    for (std::uint64_t id : unfinished) {
        if (const auto found = connections_.find(id); found != connections_.end()) {
            advance(*found->second);
        }
    }
    submit_jobs();
    if (now_ >= wake) expire();
}

void Guard::accept_all(const Door& door) {
    if (accept_again_ != Clock::time_point::max()) return;
    for (int i = 0; i < kAcceptsARound; ++i) {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        const int fd = accept4(door.listener.fd(), reinterpret_cast<sockaddr*>(&address), &size,
                               SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            admit(fd, door, address);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            return out_of_descriptors();
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

void Guard::out_of_descriptors() {
    for (ListenerKind kind : {ListenerKind::admin, ListenerKind::metrics, ListenerKind::probe}) {
        if (make_room(kind)) return;  // the listeners are still readable: next round
    }
    // Level-triggered listeners would keep us spinning; look away for a moment.
    for (const Door& door : doors_) {
        epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, door.listener.fd(), nullptr);
    }
    accept_again_ = now_ + kAcceptPause;
}

void Guard::admit(int fd, const Door& door, const sockaddr_storage& address) {
    const auto kind = static_cast<std::size_t>(door.kind);
    if (open_by_kind_[kind] >= options_.connections_max && !make_room(door.kind)) {
        const Answer busy = refusal_answer(503, "all connections are busy");
        send(fd, busy.bytes.data(), busy.bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        close(fd);
        return;
    }
    if (!door.listener.is_unix()) {
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    auto made = std::make_unique<Connection>(fd, next_id_++, door.kind);
    Connection& connection = *made;
    connection.peer = door.listener.is_unix() ? unix_peer(fd) : tcp_peer(address);
    if (!watch(epoll_fd_, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, connection.id)) return;
    connections_.emplace(connection.id, std::move(made));
    ++open_by_kind_[kind];
    shared_->stats.opened(kind);
    connection.since = now_;
    // Who says nothing after connecting gets no longer than who says half a head.
    set_deadline(connection, options_.head_timeout);
    advance(connection);
}

// Closes the connection of that kind that has been idle, half-read or lingering for longest.
bool Guard::make_room(ListenerKind kind) {
    Connection* oldest = nullptr;
    for (const auto& [id, connection] : connections_) {
        if (connection->kind != kind || !connection->may_be_evicted()) continue;
        // Those of one round have one time; their numbers still tell who came first.
        if (oldest == nullptr ||
            std::pair(connection->since, id) < std::pair(oldest->since, oldest->id)) {
            oldest = connection.get();
        }
    }
    if (oldest == nullptr) return false;
    shared_->stats.evicted();
    close_connection(*oldest);
    return true;
}

void Guard::read_messages() {
    for (Message& message : shared_->inbox.take()) handle(std::move(message));
}

void Guard::handle(Message message) {
    const auto found = connections_.find(message.ticket.connection);
    if (found == connections_.end()) return;
    Connection& connection = *found->second;
    if (message.kind == Message::Kind::wake) {
        connection.wake_pending = true;
        if (connection.state == Connection::State::waiting) go_on(connection);
        return;
    }
    if (connection.state != Connection::State::working || message.ticket.job != connection.job) {
        return;
    }
    if (message.kind == Message::Kind::answer) {
        begin_answer(connection, std::move(message.answer));
    } else {
        connection.take_piece(std::move(message));
        connection.state = Connection::State::answering;
        set_deadline(connection, options_.write_timeout);
    }
    advance(connection);
}

// A stream that waited is asked for its next piece.
void Guard::go_on(Connection& connection) {
    connection.wake_pending = true;
    connection.state = Connection::State::answering;
    advance(connection);
}

void Guard::submit_jobs() {
    if (jobs_.empty()) return;
    std::vector<Ticket> tickets;
    for (const auto& job : jobs_) tickets.push_back(job->ticket);
    const core::Result<void> taken = pool_.submit(jobs_);
    if (taken) return;
    jobs_.clear();
    core::log(core::LogLevel::warn, "http", taken.error().message);
    for (const Ticket& ticket : tickets) {
        const auto found = connections_.find(ticket.connection);
        if (found == connections_.end()) continue;
        if (refuse(*found->second, 503, taken.error().message) == Step::again) {
            advance(*found->second);
        }
    }
}

void Guard::expire() {
    if (now_ >= accept_again_) {
        accept_again_ = Clock::time_point::max();
        for (std::size_t i = 0; i < doors_.size(); ++i) {
            watch(epoll_fd_, doors_[i].listener.fd(), EPOLLIN, kFirstDoorId + i);
        }
    }
    std::vector<std::uint64_t> due;
    next_deadline_ = Clock::time_point::max();
    for (const auto& [id, connection] : connections_) {
        if (connection->deadline <= now_)
            due.push_back(id);
        else
            next_deadline_ = std::min(next_deadline_, connection->deadline);
    }
    for (std::uint64_t id : due) {
        if (const auto found = connections_.find(id); found != connections_.end()) {
            on_deadline(*found->second);
        }
    }
    submit_jobs();
}

void Guard::on_deadline(Connection& connection) {
    using State = Connection::State;
    if (connection.state == State::waiting) return go_on(connection);
    Step step = Step::close;
    if (connection.state == State::reading && !connection.inbound->bytes.empty()) {
        step = refuse(connection, 408, "the request did not arrive in time");
    } else if (connection.state == State::working && !connection.streaming) {
        pool_.cancel({connection.id, connection.job});
        step = refuse(connection, 503, "the page took too long, or the ones before it did");
    }
    if (step != Step::close) return advance(connection);
    if (connection.state == State::answering) {
        // What the reader did not take must not stay in the kernel on its behalf.
        const struct ::linger at_once{1, 0};
        setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    close_connection(connection);
}

void Guard::set_deadline(Connection& connection, milliseconds from_now) {
    connection.deadline = now_ + from_now;
    next_deadline_ = std::min(next_deadline_, connection.deadline);
}

void Guard::close_connection(Connection& connection) {
    if (connection.state == Connection::State::working)
        pool_.cancel({connection.id, connection.job});
    const auto kind = static_cast<std::size_t>(connection.kind);
    --open_by_kind_[kind];
    shared_->stats.closed(kind);
    connections_.erase(connection.id);
    // Nobody is left to wake up for.
    if (connections_.empty()) next_deadline_ = Clock::time_point::max();
}

}  // namespace pilotfish::http
