#include "core/cleanup.h"

#include <atomic>
#include <exception>
#include <mutex>
#include <new>

#include "core/log.h"
#include "core/outside_call.h"
#include "core/runtime.h"
#include "core/scheduler.h"
#include "core/task.h"

namespace pilotfish::core {

struct CleanupNode {
    std::string what;
    std::function<void()> release;
    std::source_location where;
    std::unique_ptr<CleanupNode> next;
};

namespace {

// Those that have to act and have not begun. The task that runs them is made when the first comes
// and ends with the last: an idle runtime keeps none.
struct Queue {
    std::mutex lock;
    std::unique_ptr<CleanupNode> first;
    CleanupNode* last = nullptr;
    bool served = false;  // a task takes from it

    bool push(std::unique_ptr<CleanupNode> node) noexcept {  // true: somebody has to serve it
        std::lock_guard guard(lock);
        CleanupNode* raw = node.get();
        (last ? last->next : first) = std::move(node);
        last = raw;
        return !std::exchange(served, true);
    }
    std::unique_ptr<CleanupNode> pop() noexcept {
        std::lock_guard guard(lock);
        std::unique_ptr<CleanupNode> node = std::move(first);
        if (node)
            first = std::move(node->next);
        else
            served = false;
        if (!first) last = nullptr;
        return node;
    }
};

Queue queue;
std::atomic<std::uint64_t> stopped{0};
std::atomic<std::uint64_t> acted{0};
std::atomic<std::uint64_t> failed{0};

// The log of a program that forgets in a loop stays readable: 1, 2, 4, 8, ... of them are told.
bool worth_telling(std::uint64_t count) { return (count & (count - 1)) == 0; }

void run(const CleanupNode& node) noexcept {
    const std::uint64_t count = acted.fetch_add(1, std::memory_order_relaxed) + 1;
    std::string failure;
    try {
        node.release();
    } catch (const std::exception& error) {
        failure = error.what();
    } catch (...) {
        failure = "not a std::exception";
    }
    if (!failure.empty()) failed.fetch_add(1, std::memory_order_relaxed);
    if (failure.empty() && !worth_telling(count)) return;
    std::string line = node.what + " was not released; its cleanup, added at " +
                       node.where.file_name() + ":" + std::to_string(node.where.line());
    line += failure.empty() ? ", did it (" + std::to_string(count) + " so far)"
                            : ", failed: " + failure;
    log(failure.empty() ? LogLevel::warn : LogLevel::error, "core", line);
}

// The duty to serve the queue: met when the task has done it, when the runtime ends before it
// could, and also when the task never began.
class Duty {
  public:
    Duty() = default;
    Duty(Duty&& other) noexcept : open_(std::exchange(other.open_, false)) {}
    Duty& operator=(Duty&&) = delete;
    ~Duty() {
        if (!open_) return;
        while (serve_one()) {
        }
    }
    bool serve_one() noexcept {
        std::unique_ptr<CleanupNode> node = queue.pop();
        if (!node) return open_ = false;
        run(*node);
        return true;
    }

  private:
    bool open_ = true;
};

Task<> serve(Duty duty) {
    while (duty.serve_one()) co_await yield();
}

// Serves the queue at once where no task can be had: without a runtime, at its end, without memory.
void act(std::unique_ptr<CleanupNode> node) noexcept {
    if (!node || !queue.push(std::move(node))) return;
    Duty duty;
    OutsideCall call;
    const Scheduler* scheduler = Scheduler::current();
    if (!scheduler || !scheduler->takes_tasks()) return;
    try {
        const SpawnOptions options{.name = "cleanup"};
        Task<> task = serve(std::move(duty));
        const auto where = std::source_location::current();
        JoinHandle<>(spawn_record_external(task.frame(), options, where)).detach();
        task.release();
    } catch (const std::bad_alloc&) {
        // What could not be made has let go of the duty, and so served the queue.
    }
}

}  // namespace

Cleanup::Cleanup() noexcept = default;
Cleanup::Cleanup(std::unique_ptr<CleanupNode> node) noexcept : node_(std::move(node)) {}
Cleanup::Cleanup(Cleanup&& other) noexcept : node_(std::move(other.node_)) {}
Cleanup& Cleanup::operator=(Cleanup&& other) noexcept {
    if (this != &other) {
        act(std::move(node_));
        node_ = std::move(other.node_);
    }
    return *this;
}
Cleanup::~Cleanup() { act(std::move(node_)); }

void Cleanup::stop() noexcept {
    if (!node_) return;
    node_.reset();
    stopped.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace pilotfish::core

namespace pilotfish::runtime {

core::Cleanup add_cleanup(std::string what, std::function<void()> release,
                          std::source_location where) {
    auto node = std::make_unique<core::CleanupNode>();
    node->what = std::move(what);
    node->release = std::move(release);
    node->where = where;
    return core::Cleanup(std::move(node));
}

CleanupStats cleanup_stats() noexcept {
    return {core::stopped.load(std::memory_order_relaxed),
            core::acted.load(std::memory_order_relaxed),
            core::failed.load(std::memory_order_relaxed)};
}

}  // namespace pilotfish::runtime
