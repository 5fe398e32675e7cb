#include "core/blocking_pool.h"

#include <pthread.h>

namespace pilotfish::core {

void BlockingPool::submit(BlockingJob& job) {
    {
        std::lock_guard guard(lock_);
        job.next = nullptr;
        (last_ ? last_->next : first_) = &job;
        last_ = &job;
        ++waiting_;
        if (idle_threads_ >= waiting_) {
            work_.notify_one();
            return;
        }
        if (threads_ >= max_threads_) return;
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        pthread_t thread;
        const int error = pthread_create(&thread, &attributes, thread_entry, this);
        pthread_attr_destroy(&attributes);
        if (error == 0) {
            ++threads_;
            return;
        }
        if (threads_ > 0) return;  // a pids limit: those that exist will come to it
        first_ = last_ = nullptr;
        --waiting_;
        ++calls_;
    }
    job.run(job);
}

void* BlockingPool::thread_entry(void* pool) {
    static_cast<BlockingPool*>(pool)->serve();
    return nullptr;
}

void BlockingPool::serve() {
    std::unique_lock guard(lock_);
    for (;;) {
        if (BlockingJob* job = first_) {
            first_ = job->next;
            if (!first_) last_ = nullptr;
            --waiting_;
            ++running_;
            ++calls_;
            guard.unlock();
            job->run(*job);
            guard.lock();
            --running_;
            continue;
        }
        if (ending_) break;
        ++idle_threads_;
        const bool in_time = work_.wait_for(guard, idle_, [this] { return first_ || ending_; });
        --idle_threads_;
        if (!in_time) break;
    }
    --threads_;
    // Under the lock: the pool may be destroyed as soon as the last thread is seen gone.
    if (threads_ == 0) gone_.notify_all();
}

void BlockingPool::drain() {
    std::unique_lock guard(lock_);
    first_ = last_ = nullptr;
    waiting_ = 0;
    ending_ = true;
    work_.notify_all();
    gone_.wait(guard, [this] { return threads_ == 0; });
}

BlockingPool::Stats BlockingPool::stats() const {
    std::lock_guard guard(lock_);
    return {calls_, running_, waiting_, threads_};
}

}  // namespace pilotfish::core
