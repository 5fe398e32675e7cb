// A plain variable of one thread at which others may look: reads and writes are relaxed atomics,
// which cost what plain ones do and promise no more than that no value is torn.
//
// Thread-safety: one writer at a time, any readers. Owns its value. Never blocks or fails.
#pragma once

#include <atomic>

namespace pilotfish::core {

template <class T>
class Relaxed {
  public:
    constexpr Relaxed(T value = T{}) noexcept : value_(value) {}
    constexpr Relaxed(const Relaxed& other) noexcept : value_(T(other)) {}
    Relaxed& operator=(const Relaxed& other) noexcept { return *this = T(other); }
    Relaxed& operator=(T value) noexcept {
        value_.store(value, std::memory_order_relaxed);
        return *this;
    }
    operator T() const noexcept { return value_.load(std::memory_order_relaxed); }
    T operator->() const noexcept { return *this; }
    // No read-modify-write: the writer is alone.
    T operator--() noexcept {
        const T now = T(*this) - 1;
        *this = now;
        return now;
    }
    Relaxed& operator*=(T factor) noexcept { return *this = T(*this) * factor; }

  private:
    std::atomic<T> value_;
};

}  // namespace pilotfish::core
