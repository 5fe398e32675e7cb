#include "http/pool.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "http/thread.h"

namespace pilotfish::http {
namespace {

// Two: a page that takes long must not hold up a short one; more would only compete with the
// workers of the container for its processors.
constexpr std::size_t kThreads = 2;

}  // namespace

struct Pool::Queue {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::unique_ptr<Job>> jobs;
    bool stopping = false;
    std::size_t alive = 0;
    std::condition_variable left;

    void work() {
        std::unique_lock lock(mutex);
        while (true) {
            changed.wait(lock, [this] { return stopping || !jobs.empty(); });
            if (stopping) break;
            std::unique_ptr<Job> job = std::move(jobs.front());
            jobs.pop_front();
            lock.unlock();
            job->run();
            job.reset();
            lock.lock();
        }
        --alive;
        left.notify_all();
    }
};

Pool::Pool() : queue_(std::make_shared<Queue>()) {}
Pool::~Pool() { stop(std::chrono::milliseconds(0)); }

core::Result<void> Pool::submit(std::vector<std::unique_ptr<Job>>& jobs) {
    while (threads_.size() < kThreads) {
        core::Result<std::thread> made =
            start_thread("pilotfish-page", [queue = queue_] { queue->work(); });
        if (!made && threads_.empty()) return made.error();
        if (!made) break;
        threads_.push_back(std::move(*made));
        const std::lock_guard lock(queue_->mutex);
        ++queue_->alive;
    }
    {
        const std::lock_guard lock(queue_->mutex);
        for (auto& job : jobs) queue_->jobs.push_back(std::move(job));
    }
    if (jobs.size() == 1)
        queue_->changed.notify_one();
    else
        queue_->changed.notify_all();
    jobs.clear();
    return {};
}

void Pool::cancel(const Ticket& ticket) {
    const std::lock_guard lock(queue_->mutex);
    std::erase_if(queue_->jobs, [&](const std::unique_ptr<Job>& job) {
        return job->ticket.connection == ticket.connection && job->ticket.job == ticket.job;
    });
}

bool Pool::stop(std::chrono::milliseconds patience) {
    bool all_left = true;
    {
        std::unique_lock lock(queue_->mutex);
        queue_->stopping = true;
        queue_->jobs.clear();
        queue_->changed.notify_all();
        all_left = queue_->left.wait_for(lock, patience, [this] { return queue_->alive == 0; });
    }
    for (std::thread& thread : threads_) {
        if (all_left)
            thread.join();
        else
            thread.detach();
    }
    threads_.clear();
    return all_left;
}

}  // namespace pilotfish::http
