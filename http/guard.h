// The guard: one thread that owns every socket of the admin plane.
//
// The idea. A library that gives each connection a thread can be starved by whoever opens
// connections and says little (eight followers, sixteen half-sent heads). Here a connection costs a
// buffer. The guard reads a head under one deadline and hard caps, checks it (http/head.h), reads
// the body, and only then is a thread asked to do anything: the whole request goes to the pool
// (http/pool.h) as a job, and the whole answer comes back as a message (http/inbox.h). Probes skip
// the pool and are answered here. Bodies too long to be made at once come as a BodyStream, one
// piece at a time, each asked for when the one before has left.
//
// Rejected: httplib's own threads behind a peek at the head (a slow reader still holds one);
// answering everything here (one page that waits for a lock would hold up /livez); a coroutine for
// each connection on core's scheduler (must answer while that one is stuck).
//
// The dangerous race: a job outlives its connection's interest in it (time-out, eviction). A job
// therefore owns all it needs, and its message carries a ticket; a message whose ticket is not the
// connection's current one is dropped. The guard never reads, writes or closes on behalf of a job,
// and a job never sees a descriptor.
//
// Edge-triggered: each connection is registered once; `readable` and `writable` remember the edges,
// and are cleared only by EAGAIN or a short read.
//
// Threads: add_listener and start before, stop after; all else on its own thread. Ownership: owns
// listeners, connections, pool and thread; shares Shared with its jobs. Blocks: stop, up to the
// patience. Fails: start, with the reason.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "http/address.h"
#include "http/engine.h"
#include "http/inbox.h"
#include "http/pool.h"
#include "http/routes.h"
#include "http/server.h"
#include "http/stats.h"

namespace pilotfish::http {

// What the guard and its jobs use together; lives until the last of them is gone.
struct Shared {
    Shared(std::shared_ptr<const Sources> from, const ServerOptions& options);

    std::shared_ptr<const Sources> sources;
    PlaneStats stats;
    Access access;
    Router router;
    Engine pages;
    Engine probes;  // an instance of its own
    Inbox inbox;
};

class Guard {
  public:
    Guard(std::shared_ptr<Shared> shared, ServerOptions options);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

    void add_listener(ListenerKind kind, Listener listener);
    std::vector<BoundListener> listeners() const;
    core::Result<void> start();
    void stop();
    void remove_socket_files() const;

  private:
    using Clock = std::chrono::steady_clock;
    struct Connection;
    struct PageJob;
    struct PieceJob;
    enum class Step { again, wait, close };
    struct Door {
        ListenerKind kind;
        Listener listener;
    };

    void run();
    void wait_and_handle();
    void accept_all(const Door& door);
    void admit(int fd, const Door& door, const sockaddr_storage& address);
    bool make_room(ListenerKind kind);
    void out_of_descriptors();
    void read_messages();
    void handle(Message message);
    void go_on(Connection& connection);
    void submit_jobs();
    void expire();
    void on_deadline(Connection& connection);

    void advance(Connection& connection);
    Step read_request(Connection& connection);
    Step take_request(Connection& connection);
    Step receive(Connection& connection);
    Step dispatch(Connection& connection, std::size_t head_end, std::size_t request_end);
    Step write_answer(Connection& connection);
    Step next_piece(Connection& connection);
    Step linger(Connection& connection);
    void begin_answer(Connection& connection, Answer answer);
    Step refuse(Connection& connection, int status, std::string_view why);
    void set_deadline(Connection& connection, std::chrono::milliseconds from_now);
    void close_connection(Connection& connection);

    std::shared_ptr<Shared> shared_;
    const ServerOptions options_;
    const HeadCaps caps_;
    std::vector<Door> doors_;
    int epoll_fd_ = -1;
    std::thread thread_;
    std::atomic<bool> stopping_{false};

    // All below: the guard's own thread only.
    Pool pool_;
    std::vector<std::unique_ptr<Job>> jobs_;  // of this round, handed over together
    std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
    std::vector<std::uint64_t> unfinished_;  // connections that had their share of a round
    std::size_t open_by_kind_[3] = {0, 0, 0};
    std::uint64_t next_id_ = 0;
    Clock::time_point now_;
    Clock::time_point next_deadline_ = Clock::time_point::max();  // never later than the first one
    Clock::time_point accept_again_ = Clock::time_point::max();   // while out of descriptors
};

}  // namespace pilotfish::http
