// The few threads that make pages, started with the first one that is asked for.
//
// Threads: submit, cancel and stop are called by the thread that owns the sockets (stop by the one
// that stops it, afterwards). Ownership: jobs own all they touch but what they share; threads share
// the queue, so that one that is stuck can be left behind. Blocks: stop, up to its patience.
// Fails: submit, when not one thread can be started.
#pragma once

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "core/result.h"
#include "http/inbox.h"

namespace pilotfish::http {

class Job {
  public:
    explicit Job(Ticket made_for) : ticket(made_for) {}
    virtual ~Job() = default;
    virtual void run() = 0;

    const Ticket ticket;
};

class Pool {
  public:
    Pool();
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    // Takes all jobs, in order. On failure none was taken.
    core::Result<void> submit(std::vector<std::unique_ptr<Job>>& jobs);
    // Drops the job if no thread has begun it.
    void cancel(const Ticket& ticket);
    // Waits for the jobs that run; those not begun are dropped. A thread that does not come back
    // in time is detached. True when all came back.
    bool stop(std::chrono::milliseconds patience);

  private:
    struct Queue;

    std::shared_ptr<Queue> queue_;
    std::vector<std::thread> threads_;
};

}  // namespace pilotfish::http
