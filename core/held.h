// A lock that is held, or nothing: what Mutex and RwLock hand out.
//
//     Mutex::Guard guard = co_await mutex.lock();
//     if (Mutex::Guard maybe = mutex.try_lock()) ...
//
// One task at a time; it may be moved, also to another task. Owns the hold: its destructor lets go.
// Never suspends, never fails.
#pragma once

#include <utility>

namespace pilotfish::core {

// Policy: static void let_go(Of&) noexcept.
template <class Of, class Policy>
class [[nodiscard]] Held {
  public:
    Held() = default;
    // Takes a hold over.
    explicit Held(Of& of) noexcept : of_(&of) {}
    Held(Held&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    Held& operator=(Held&& other) noexcept {
        if (this != &other) {
            unlock();
            of_ = std::exchange(other.of_, nullptr);
        }
        return *this;
    }
    ~Held() { unlock(); }

    // False: the deadline came first, or it was moved away or let go.
    explicit operator bool() const noexcept { return of_ != nullptr; }
    // Lets go before the destructor does. Again: nothing.
    void unlock() noexcept {
        if (Of* of = std::exchange(of_, nullptr)) Policy::let_go(*of);
    }
    // Gives the hold away unreleased; nullptr: there was none.
    Of* give_up() noexcept { return std::exchange(of_, nullptr); }

  private:
    Of* of_ = nullptr;
};

}  // namespace pilotfish::core
