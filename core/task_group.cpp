#include "core/task_group.h"

#include <mutex>
#include <utility>

#include "core/check.h"

namespace pilotfish::core {

constexpr int kCancelChunk = 64;  // how many are cancelled under one hold of the lock

TaskGroup::Membership::Membership(TaskGroup& group) noexcept : group_(&group), record_(tls.task) {
    bool late = false;
    {
        std::lock_guard guard(group.lock_);
        late = group.cancelled();
        link_before(late ? group.cancelled_ : group.members_, *this);
    }
    if (late) request_cancel(record_);
}

TaskGroup::Membership::~Membership() {
    if (!group_) return;
    {
        std::lock_guard guard(group_->lock_);
        unlink(*this);
    }
    group_->tasks_.done();  // whoever waits may destroy the group now
}

TaskGroup::TaskGroup(std::stop_token parent) {
    if (parent.stop_possible()) parent_.emplace(std::move(parent), Cancel{this});
}

TaskGroup::~TaskGroup() {
    parent_.reset();
    if (size() == 0) return;
    PF_CHECK(tls.tearing_down || !tls.task,
             "a TaskGroup was destroyed while its tasks live: await wait(), or use with_group");
    for (RingEnds* ring : {&members_, &cancelled_}) {
        for (RingLink* link = ring->next; link != ring; link = link->next)
            static_cast<Membership*>(link)->group_ = nullptr;
    }
}

void TaskGroup::fail(const std::exception_ptr& error) noexcept {
    {
        std::lock_guard guard(lock_);
        if (!error_) error_ = error;
    }
    cancel();
}

void TaskGroup::cancel() noexcept {
    stop_.request_stop();
    for (bool more = true; more;) {
        std::lock_guard guard(lock_);
        for (int i = 0; i < kCancelChunk && !members_.empty(); ++i) {
            RingLink& link = *members_.next;
            unlink(link);
            link_before(cancelled_, link);
            // A member's record lives as long as its membership, which ends under this lock.
            request_cancel(static_cast<Membership&>(link).record_);
        }
        more = !members_.empty();
    }
}

Task<> TaskGroup::wait() {
    PF_CHECK(!std::exchange(awaited_, true), "two tasks wait for one TaskGroup");
    struct Leave {
        bool& awaited;
        ~Leave() { awaited = false; }
    } leave{awaited_};
    bool stopped = false;
    try {
        if (size() > 0) (void)co_await tasks_.wait();
    } catch (const Cancelled&) {
        stopped = true;
    }
    if (stopped) {
        cancel();
        {
            Shield shield;
            (void)co_await tasks_.wait();
        }
        throw_cancelled();
    }
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

}  // namespace pilotfish::core
