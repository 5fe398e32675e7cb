// What the pool's threads and the wakers of streams tell the thread that owns the sockets.
//
// post() from any thread, take() from the owner. Shared by all who may still post. post() blocks
// only for a short lock; one eventfd write wakes the owner for many posts. Fails: never.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "http/engine.h"

namespace pilotfish::http {

// A connection's number, and the number of the job on it: a word about a job that was given up
// must not be taken for the next one's.
struct Ticket {
    std::uint64_t connection = 0;
    std::uint64_t job = 0;
};

struct Message {
    enum class Kind { answer, piece, wake };
    Kind kind = Kind::wake;
    Ticket ticket;
    Answer answer;  // answer: all of it; piece: bytes and the stream handed back
    BodyStream::Pull pull = BodyStream::Pull::more;
};

class Inbox {
  public:
    Inbox();
    ~Inbox();
    Inbox(const Inbox&) = delete;
    Inbox& operator=(const Inbox&) = delete;

    bool ok() const { return event_fd_ >= 0; }
    int event_fd() const { return event_fd_; }
    void post(Message message);
    // Wakes the owner without a message.
    void nudge();
    std::vector<Message> take();

  private:
    int event_fd_;
    std::mutex mutex_;
    std::vector<Message> messages_;  // guarded by mutex_
};

}  // namespace pilotfish::http
