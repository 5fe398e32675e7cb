// Frees a child that somebody stops before its execve.
//
// The danger: such a child shares our memory, and the thread that made it sleeps in the kernel
// until the execve, with the lock of the process table held. From the moment that the child is
// another user, every process of that user may send it SIGSTOP, which nobody can block: the
// spawner, the reaping, the whole daemon would stand still, for as long as that user likes. So the
// child does all that it can before it changes its user, and somebody watches it meanwhile: from
// 100 ms on, a child that is stopped is continued; one that is stopped again and again for ten
// seconds is killed, and the worker's restart begins anew. A child that is only slow (a program on
// a network's file system) is left alone.
//
// Rejected: fork instead of vfork (spawn.cpp says why); a helper process that changes its user (the
// same danger, one process further away); watching every spawn (of our own user's processes each
// could stop the daemon itself).
//
// Thread-safety: one thread makes and destroys it; what child() gives is the child's to write. Owns
// a thread of its own, made only when it is wanted. Blocks: the destructor, for a look at /proc.
// Fails: never; where the system refuses a thread nobody watches.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace pilotfish::daemon {

class StopGuard {
  public:
    // is_wanted: the child becomes another user.
    explicit StopGuard(bool is_wanted);
    ~StopGuard();
    StopGuard(const StopGuard&) = delete;
    StopGuard& operator=(const StopGuard&) = delete;

    // Where the child writes its pid, first of all that it does. Nobody reaps it before the guard
    // is gone, so the number stays its own.
    std::atomic<pid_t>& child() { return child_; }

  private:
    static void* thread_main(void* self);
    void watch();

    std::atomic<pid_t> child_{0};
    std::mutex mutex_;
    std::condition_variable over_changed_;
    bool over_ = false;
    bool has_thread_ = false;
    pthread_t thread_{};
};

}  // namespace pilotfish::daemon
