#include "core/check.h"

#include <execinfo.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace pilotfish::core {
namespace {

std::atomic<void (*)(int) noexcept> dump_hook{nullptr};
std::atomic<bool> failing{false};

void print_native_stack() {
#if defined(__GLIBC__)
    void* frames[64];
    backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
#endif
}

}  // namespace

void set_check_dump_hook(void (*hook)(int fd) noexcept) noexcept {
    dump_hook.store(hook, std::memory_order_release);
}

void check_failed(const char* file, int line, const char* condition,
                  std::string_view message) noexcept {
    dprintf(STDERR_FILENO, "pilotfish: bug at %s:%d: %.*s (%s)\n", file, line,
            static_cast<int>(message.size()), message.data(), condition);
    // A second failure, on this thread or another, must not wait for the first one's dump.
    if (!failing.exchange(true)) {
        print_native_stack();
        if (auto hook = dump_hook.load(std::memory_order_acquire)) hook(STDERR_FILENO);
    }
    abort();
}

}  // namespace pilotfish::core
