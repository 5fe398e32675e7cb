#include "core/task_group.h"

#include <mutex>

#include "core/check.h"

namespace pilotfish::core {

constexpr int kCancelChunk = 64;  // how many are cancelled under one hold of the lock

static void link_before(auto& ring, auto& link) noexcept {
    link.prev = ring.prev;
    link.next = &ring;
    ring.prev->next = &link;
    ring.prev = &link;
}

static void unlink(auto& link) noexcept {
    link.prev->next = link.next;
    link.next->prev = link.prev;
}

// Waits until the group is empty.
class TaskGroup::AllEnded {
  public:
    AllEnded(TaskGroup& group, const std::source_location& where) noexcept
        : group_(group), where_(where) {}
    AllEnded(const AllEnded&) = delete;
    AllEnded& operator=(const AllEnded&) = delete;
    ~AllEnded() {
        std::lock_guard guard(group_.lock_);
        if (group_.waiter_ == this) group_.waiter_ = nullptr;
    }

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> frame) {
        std::lock_guard guard(group_.lock_);
        if (group_.size_ == 0) {
            waiter.claim(Wake::ready);
            return false;
        }
        PF_CHECK(!group_.waiter_, "two tasks wait for one TaskGroup");
        group_.waiter_ = this;
        const Begun begun = begin_wait(frame.promise(), WaitReason::wait_group, where_, waiter);
        return begun != Begun::cancelled;
    }
    Wake await_resume() const noexcept { return waiter.result(); }

    Waiter waiter;

  private:
    TaskGroup& group_;
    std::source_location where_;
};

TaskGroup::AllEnded TaskGroup::WaitForAll::awaiter(
    const std::source_location& where) const noexcept {
    return AllEnded(*group, where);
}

TaskGroup::Membership::Membership(TaskGroup& group) noexcept : group_(&group), record_(tls.task) {
    bool late = false;
    {
        std::lock_guard guard(group.lock_);
        late = group.cancelled();
        Link& link = *this;
        link_before(late ? group.cancelled_ : group.members_, link);
    }
    if (late) request_cancel(record_);
}

TaskGroup::Membership::~Membership() {
    if (!group_) return;
    bool notify = false;
    {
        std::lock_guard guard(group_->lock_);
        Link& link = *this;
        unlink(link);
        --group_->size_;
        // Under the lock: whoever waits takes it before it can go on and destroy the group.
        if (group_->size_ == 0 && group_->waiter_ && group_->waiter_->waiter.claim(Wake::ready))
            notify = make_runnable(group_->waiter_->waiter.task);
    }
    if (notify) notify_scheduler();
}

TaskGroup::TaskGroup(std::stop_token parent) {
    members_.prev = members_.next = &members_;
    cancelled_.prev = cancelled_.next = &cancelled_;
    if (parent.stop_possible()) parent_.emplace(std::move(parent), Cancel{this});
}

TaskGroup::~TaskGroup() {
    parent_.reset();
    if (size() == 0) return;
    PF_CHECK(tls.tearing_down || !tls.task,
             "a TaskGroup was destroyed while its tasks live: await wait(), or use with_group");
    for (Link* ring : {&members_, &cancelled_}) {
        for (Link* link = ring->next; link != ring; link = link->next)
            static_cast<Membership*>(link)->group_ = nullptr;
    }
}

void TaskGroup::admit() noexcept {
    std::lock_guard guard(lock_);
    ++size_;
}

void TaskGroup::dismiss() noexcept {
    std::lock_guard guard(lock_);
    --size_;
}

std::size_t TaskGroup::size() const noexcept {
    std::lock_guard guard(lock_);
    return size_;
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
        for (int i = 0; i < kCancelChunk && members_.next != &members_; ++i) {
            Link& link = *members_.next;
            unlink(link);
            link_before(cancelled_, link);
            // A member's record lives as long as its membership, which ends under this lock.
            request_cancel(static_cast<Membership&>(link).record_);
        }
        more = members_.next != &members_;
    }
}

Task<> TaskGroup::wait() {
    WaitForAll all{this};
    const Wake wake = co_await all;
    if (wake == Wake::cancelled) {
        cancel();
        {
            Shield shield;
            (void)co_await all;
        }
        throw_cancelled();
    }
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

}  // namespace pilotfish::core
