// A safety net for what must be released and might be forgotten.
//
//     class Lease {
//         core::Cleanup net_ = runtime::add_cleanup("lease of " + name, [id] { give_back(id); });
//       public:
//         void give_back() { net_.stop(); ... }        // the proper way
//     };
//
// C++ has no collector, so what "becomes unreachable" in Go is here the end of the Cleanup: one
// that is destroyed, or overwritten, before stop() was called runs its function on a task of its
// own, never in the middle of whatever dropped it. That is a bug of the program, mended but told:
// it is counted, and logged with the place where the net was hung up. Do not rely on it: a process
// that ends or crashes runs none.
//
// Thread-safety: add_cleanup and the Cleanup's end: any thread; a Cleanup: as a value. Ownership:
// keeps the function until it has run or was stopped. Blocks: nothing. The functions run one after
// the other: one that would block for long should start a task. Fails: what a function throws is
// logged. Without a Runtime it runs at once, on the calling thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <source_location>
#include <string>
#include <utility>

namespace pilotfish::core {

struct CleanupNode;

class [[nodiscard]] Cleanup {
  public:
    Cleanup() noexcept;
    explicit Cleanup(std::unique_ptr<CleanupNode> node) noexcept;
    Cleanup(Cleanup&& other) noexcept;
    Cleanup& operator=(Cleanup&& other) noexcept;
    ~Cleanup();

    // What it guards was released properly: the function will not run.
    void stop() noexcept;

  private:
    std::unique_ptr<CleanupNode> node_;
};

}  // namespace pilotfish::core

namespace pilotfish::runtime {

// `what` is for the log: what would have been lost.
core::Cleanup add_cleanup(std::string what, std::function<void()> release,
                          std::source_location where = std::source_location::current());

// The object is in use until here: neither its lifetime's end nor its last stores may be moved
// before this call by the optimiser (Go: KeepAlive).
template <class T>
void keep_alive(const T& object) noexcept {
    asm volatile("" : : "g"(std::addressof(object)) : "memory");
}

struct CleanupStats {
    std::uint64_t stopped = 0;  // released properly
    std::uint64_t acted = 0;    // nets that had to act
    std::uint64_t failed = 0;   // of these, ended by an exception
};
CleanupStats cleanup_stats() noexcept;

}  // namespace pilotfish::runtime
