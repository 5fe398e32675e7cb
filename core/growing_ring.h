// A queue in one array: it grows by doubling, or is given its room at once. Allocates nothing until
// its first push or reserve().
//
// One thread at a time. Owns what lies in it. Fails: std::bad_alloc from push (beyond what was
// reserved) and reserve; the queue is as before.
#pragma once

#include <bit>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace pilotfish::core {

template <class T>
class GrowingRing {
    static_assert(std::is_nothrow_move_constructible_v<T>);

  public:
    GrowingRing() = default;
    GrowingRing(const GrowingRing&) = delete;
    GrowingRing& operator=(const GrowingRing&) = delete;
    ~GrowingRing() {
        while (size_ > 0) pop();
        if (slots_) std::allocator<T>().deallocate(slots_, capacity_);
    }
    std::size_t size() const noexcept { return size_; }
    // So that this many elements need no further memory.
    void reserve(std::size_t elements) {
        if (elements > capacity_) grow(std::bit_ceil(elements));
    }
    void push(T&& value) {
        if (size_ == capacity_) [[unlikely]]
            grow(capacity_ ? capacity_ * 2 : 8);
        ::new (slots_ + ((head_ + size_) & (capacity_ - 1))) T(std::move(value));
        ++size_;
    }
    // The oldest. Requires: size() > 0.
    T pop() noexcept {
        T& slot = slots_[head_];
        T value = std::move(slot);
        slot.~T();
        head_ = (head_ + 1) & (capacity_ - 1);
        --size_;
        return value;
    }

  private:
    // Requires: a power of 2.
    void grow(std::size_t larger) {
        T* slots = std::allocator<T>().allocate(larger);
        for (std::size_t i = 0; i < size_; ++i) {
            T& old = slots_[(head_ + i) & (capacity_ - 1)];
            ::new (slots + i) T(std::move(old));
            old.~T();
        }
        if (slots_) std::allocator<T>().deallocate(slots_, capacity_);
        slots_ = slots;
        capacity_ = larger;
        head_ = 0;
    }
    T* slots_ = nullptr;
    std::size_t capacity_ = 0;
    std::size_t head_ = 0;
    std::size_t size_ = 0;
};

}  // namespace pilotfish::core
