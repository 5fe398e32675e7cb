// Where a worker thread sleeps: one futex word.
//
// park() by the owner, unpark() by any thread. unpark() before park() is remembered. Never fails.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace pilotfish::core {

class Parker {
  public:
    void park() noexcept {
        // Acquire pairs with unpark's release: what the waker prepared is seen.
        while (word_.exchange(kEmpty, std::memory_order_acquire) != kNotified)
            syscall(SYS_futex, &word_, FUTEX_WAIT_PRIVATE, kEmpty, nullptr, nullptr, 0);
    }
    void unpark() noexcept {
        word_.store(kNotified, std::memory_order_release);
        syscall(SYS_futex, &word_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    }

  private:
    static constexpr std::uint32_t kEmpty = 0;
    static constexpr std::uint32_t kNotified = 1;
    std::atomic<std::uint32_t> word_{kEmpty};
};

}  // namespace pilotfish::core
