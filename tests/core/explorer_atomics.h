// What a model uses in place of std::atomic, a fence and a mutex, so that the explorer lets other
// threads in at every operation. Outside of an exploration they are plain values.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <type_traits>
#include <utility>

#include "tests/core/explorer.h"

namespace pilotfish::core::explorer {

// Stands in for std::atomic. Outside of an exploration it is a plain value.
template <class T>
class Atomic {
    static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>);

  public:
    Atomic() = default;
    Atomic(T value) : value_(value) {}
    Atomic(const Atomic&) = delete;
    Atomic& operator=(const Atomic&) = delete;

    T load(std::memory_order = std::memory_order_seq_cst) const {
        if (Explorer* explorer = Explorer::current()) {
            if (const std::uint64_t* own = explorer->own_store(this)) return unpack(*own);
            explorer->wait_for_turn({.where = this});
        }
        return value_;
    }
    void store(T value, std::memory_order order = std::memory_order_seq_cst) {
        if (Explorer* explorer = Explorer::current()) {
            if (explorer->buffered() && order != std::memory_order_seq_cst)
                return explorer->buffer_store(this, pack(value), &write);
            explorer->wait_for_turn({.where = this, .writes = true, .after_own_stores = true});
        }
        value_ = value;
    }
    T exchange(T value, std::memory_order = std::memory_order_seq_cst) {
        begin_change();
        return std::exchange(value_, value);
    }
    bool compare_exchange_strong(T& expected, T value,
                                 std::memory_order = std::memory_order_seq_cst,
                                 std::memory_order = std::memory_order_seq_cst) {
        begin_change();
        if (value_ == expected) {
            value_ = value;
            return true;
        }
        expected = value_;
        return false;
    }
    bool compare_exchange_weak(T& expected, T value, std::memory_order success = {},
                               std::memory_order failure = {}) {
        return compare_exchange_strong(expected, value, success, failure);
    }
    T fetch_add(T delta, std::memory_order = std::memory_order_seq_cst) {
        begin_change();
        return std::exchange(value_, static_cast<T>(value_ + delta));
    }
    T fetch_sub(T delta, std::memory_order = std::memory_order_seq_cst) {
        begin_change();
        return std::exchange(value_, static_cast<T>(value_ - delta));
    }
    // Not before it holds.
    void wait_until(const std::function<bool(T)>& holds) const {
        const std::function<bool()> ready = [&] { return holds(value_); };
        Explorer::current()->wait_for_turn({.where = this, .ready = &ready});
    }
    // For verdicts: no step, and no thread's buffer.
    T peek() const { return value_; }
    void poke(T value) { value_ = value; }

  private:
    void begin_change() const {
        if (Explorer* explorer = Explorer::current())
            explorer->wait_for_turn({.where = this, .writes = true, .after_own_stores = true});
    }
    static std::uint64_t pack(T value) {
        std::uint64_t bits = 0;
        std::memcpy(&bits, &value, sizeof value);
        return bits;
    }
    static T unpack(std::uint64_t bits) {
        T value;
        std::memcpy(&value, &bits, sizeof value);
        return value;
    }
    static void write(void* where, std::uint64_t bits) {
        static_cast<Atomic*>(where)->value_ = unpack(bits);
    }
    T value_{};
};

// std::mutex: both ends are read-modify-writes.
class Mutex {
  public:
    void lock() {
        const std::function<bool()> open = [this] { return !locked_; };
        if (Explorer* explorer = Explorer::current())
            explorer->wait_for_turn(
                {.where = this, .writes = true, .after_own_stores = true, .ready = &open});
        locked_ = true;
    }
    void unlock() {
        if (Explorer* explorer = Explorer::current())
            explorer->wait_for_turn({.where = this, .writes = true, .after_own_stores = true});
        locked_ = false;
    }

  private:
    bool locked_ = false;
};

// core::SpinLock: its unlock is a plain store.
class SpinLock {
  public:
    void lock() {
        const std::function<bool()> open = [this] { return !locked_.peek(); };
        if (Explorer* explorer = Explorer::current())
            explorer->wait_for_turn(
                {.where = &locked_, .writes = true, .after_own_stores = true, .ready = &open});
        locked_.poke(true);
    }
    void unlock() { locked_.store(false, std::memory_order_release); }

  private:
    Atomic<bool> locked_{false};
};

// std::atomic_thread_fence(std::memory_order_seq_cst).
inline void fence() {
    if (Explorer* explorer = Explorer::current())
        explorer->wait_for_turn({.after_own_stores = true});
}

}  // namespace pilotfish::core::explorer
