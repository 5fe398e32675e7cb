// A one-byte lock for sections of a few dozen instructions. Spins, then gives its time slice away,
// so that a holder the kernel has set aside is not starved by those who wait for it.
//
// Any thread. Owns nothing. Waits for the holder, never in the kernel's queues. Never fails. Not
// recursive; never held over a suspension.
#pragma once

#include <sched.h>

#include <atomic>

namespace pilotfish::core {

inline void cpu_relax() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield" ::: "memory");
#endif
}

class SpinLock {
  public:
    void lock() noexcept {
        if (locked_.exchange(true, std::memory_order_acquire)) [[unlikely]]
            lock_slow();
    }
    bool try_lock() noexcept { return !locked_.exchange(true, std::memory_order_acquire); }
    void unlock() noexcept { locked_.store(false, std::memory_order_release); }

  private:
    void lock_slow() noexcept {
        do {
            // 64 pauses are about 2 us, the longest section but a registry walk; chosen, not
            // measured.
            for (int spins = 0; locked_.load(std::memory_order_relaxed); ++spins) {
                if (spins < 64)
                    cpu_relax();
                else
                    sched_yield();
            }
        } while (locked_.exchange(true, std::memory_order_acquire));
    }

    std::atomic<bool> locked_{false};
};

}  // namespace pilotfish::core
