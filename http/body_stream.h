// BodyStream: a response body that is made piece by piece while the reader takes it: a dump of a
// million tasks, a followed log, server-sent events. The guard (http/guard.h) owns the socket and
// asks for the next piece only when the last one has left, so that a slow reader costs one piece of
// memory and no thread.
//
// Threads: next() is called on a pool thread, never twice at once, not always on the same thread.
// Ownership: the guard owns the stream and destroys it when the body ended or the reader left, on
// its own thread: destructors must not wait for anything.
// Blocks: next() may compute, and must not wait for something to happen: it answers `wait` instead.
// Fails: a stream that cannot go on says so in its own text and answers `end`.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace pilotfish::http {

class BodyStream {
  public:
    enum class Pull {
        more,  // text was appended; ask again when it has left
        wait,  // nothing to say now; the waker given to on_ready will be called
        end,   // what was appended (perhaps nothing) is the last
    };

    virtual ~BodyStream() = default;

    // Appends the next piece, 16 to 64 KiB where there is that much. After `wait` it is also asked
    // now and then without a call of its waker: it may then say that it is still there.
    virtual Pull next(std::string& out) = 0;

    // After `wait`: how long until it wants to be asked again even if nobody calls its waker; less
    // than it takes anyway. On the thread that owns the sockets, between two calls of next().
    virtual std::chrono::milliseconds patience() const { return std::chrono::milliseconds::max(); }

    // Called once, before the first next(), for streams that may answer `wait`. The waker may be
    // called from any thread at any time, also after the stream's end; it never blocks for long.
    virtual void on_ready(std::function<void()> /*waker*/) {}
};

}  // namespace pilotfish::http
