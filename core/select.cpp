// Go's selectgo (runtime/select.go), with one change: before all locks are taken each case is tried
// alone, under its own lock. When one is ready, and mostly one is, that is all: two atomic
// operations instead of two a case.
//
// Only when nothing is ready are all places locked, in the order of their addresses, and looked at
// again: from there until the links are in their queues no event can be missed. The links share one
// waiter, so that whoever claims it first is the one that takes effect; the others are unlinked by
// leave().
//
// The dangerous race: as soon as begin_wait() is past, a cancellation, and with the first lock
// released any event, may have the task resumed elsewhere, while we are still busy with its links.
// `starting_` makes leave() wait for us; unlocking it is the last thing that touches the awaiter.
#include "core/select.h"

#include <algorithm>

#include "core/xorshift.h"

namespace pilotfish::core {

namespace {

std::uint32_t random_number() noexcept {
    static thread_local std::uint32_t state = 0;
    if (state == 0) {
        static std::atomic<std::uint32_t> threads{0};
        state = xorshift_seed(threads.fetch_add(1, std::memory_order_relaxed));
    }
    return xorshift(state);
}

// Every order is as likely (Fisher and Yates).
void shuffle(std::uint8_t* order, std::uint32_t count) noexcept {
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto j = static_cast<std::uint32_t>(std::uint64_t{random_number()} * (i + 1) >> 32);
        order[i] = order[j];
        order[j] = static_cast<std::uint8_t>(i);
    }
}

// The places of a select, each locked once, in the order of their addresses.
class AllLocks {
  public:
    AllLocks(const SelectCase* cases, std::size_t count) noexcept {
        for (std::size_t i = 0; i < count; ++i) {
            if (cases[i].place) places_[size_++] = cases[i].place;
        }
        std::sort(places_, places_ + size_);
        size_ = static_cast<std::size_t>(std::unique(places_, places_ + size_) - places_);
        for (std::size_t i = 0; i < size_; ++i) places_[i]->lock.lock();
    }
    AllLocks(const AllLocks&) = delete;
    AllLocks& operator=(const AllLocks&) = delete;
    ~AllLocks() {
        for (std::size_t i = size_; i > 0; --i) places_[i - 1]->lock.unlock();
    }

  private:
    WaitPlace* places_[SelectCore::kMost];
    std::size_t size_ = 0;
};

}  // namespace

void SelectCore::Fire::operator()() const noexcept {
    if (!select->waiter_.claim(Wake::ready)) return;
    link->taken = true;
    // The task cannot go on beyond leave() while we are here: that destroys this callback.
    if (WaitPlace::wake(*link)) notify_scheduler();
}

void SelectCore::fire(int index, Wake how) noexcept {
    fired_ = index;
    waiter_.handed.store(true, std::memory_order_relaxed);
    waiter_.claimed.store(static_cast<std::uint8_t>(how), std::memory_order_relaxed);
}

// Wake::timed_out: not now. Requires: the lock of its place.
Wake SelectCore::attempt(const SelectCase& one) noexcept {
    switch (one.kind) {
        case SelectCase::Kind::place: return one.attempt(one.object, one.slot);
        case SelectCase::Kind::stop:
            return one.token->stop_requested() ? Wake::ready : Wake::timed_out;
        // The clock is not looked at: a time that has passed is fired like any other.
        case SelectCase::Kind::time:
        case SelectCase::Kind::otherwise: break;
    }
    return Wake::timed_out;
}

bool SelectCore::start(FrameBase& frame) {
    if (cancel_requested()) [[unlikely]] {
        fire(-1, Wake::cancelled);
        return false;
    }
    Order order;
    shuffle(order, count_);
    for (std::size_t i = 0; i < count_; ++i) {
        const SelectCase& one = cases_[order[i]];
        Wake how = Wake::timed_out;
        if (one.place) {
            std::lock_guard guard(one.place->lock);
            how = attempt(one);
        } else {
            how = attempt(one);
        }
        if (how == Wake::timed_out) continue;
        fire(order[i], how);
        return give_way(frame, where_);
    }
    return start_slow(frame, order);
}

bool SelectCore::start_slow(FrameBase& frame, const Order& order) {
    {
        std::lock_guard starting(starting_);
        AllLocks locks(cases_, count_);
        int otherwise = -1;
        for (std::size_t i = 0; i < count_ && fired_ < 0; ++i) {
            const SelectCase& one = cases_[order[i]];
            if (one.kind == SelectCase::Kind::otherwise) otherwise = order[i];
            const Wake how = attempt(one);
            if (how != Wake::timed_out) fire(order[i], how);
        }
        if (fired_ < 0 && otherwise >= 0) fire(otherwise, Wake::ready);
        if (fired_ < 0) {
            parked_ = true;  // from begin_wait on, await_resume may be running
            const WaitReason reason = count_ ? WaitReason::select : WaitReason::select_no_cases;
            const Begun begun = begin_wait(frame, reason, where_, waiter_);
            if (begun == Begun::parked) make_known();
            if (begun != Begun::cancelled) return true;
            parked_ = false;
            return false;
        }
    }
    return give_way(frame, where_);
}

// Requires: all locks.
void SelectCore::make_known() noexcept {
    std::int64_t earliest_ns = kNoDeadline_ns;
    StopWatch* stop = stops_;
    for (std::size_t i = 0; i < count_; ++i) {
        const SelectCase& one = cases_[i];
        WaitLink& link = links_[i];
        link.waiter = &waiter_;
        switch (one.kind) {
            case SelectCase::Kind::place:
                link.slot = one.slot;
                link.place.store(one.place, std::memory_order_relaxed);
                one.queue->push_back(link);
                break;
            case SelectCase::Kind::time:
                if (one.at_ns < earliest_ns) {
                    earliest_ns = one.at_ns;
                    fired_ = static_cast<int>(i);  // unless another is taken
                }
                break;
            // It may fire here and now, or from another thread.
            case SelectCase::Kind::stop: (stop++)->emplace(*one.token, Fire{this, &link}); break;
            case SelectCase::Kind::otherwise: break;
        }
    }
    if (earliest_ns != kNoDeadline_ns) arm_timer(waiter_, earliest_ns);
}

void SelectCore::leave() noexcept {
    parked_ = false;
    if (tls.tearing_down) [[unlikely]]
        WaitPlace::end_wait(waiter_);
    starting_.lock();
    starting_.unlock();
    StopWatch* stop = stops_;
    for (std::size_t i = 0; i < count_; ++i) {
        if (cases_[i].kind == SelectCase::Kind::stop) (stop++)->reset();
        if (links_[i].waiter) WaitPlace::leave(links_[i], [] {});
        if (links_[i].taken) fired_ = static_cast<int>(i);
    }
    TimerHeap::disarm(waiter_);
}

}  // namespace pilotfish::core
