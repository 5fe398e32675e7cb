// In assembly, because no libc has a wrapper that one may call: after the call the child stands on
// a stack of its own, where no return address is. The vfork trick, on the caller's stack, would let
// the child overwrite the frame into which the parent returns. The kernel preserves all registers
// but the result (x86-64: and rcx, r11), so the child finds its function and argument in them.
#include "daemon/clone_into_group.h"

#include <linux/sched.h>
#include <sys/syscall.h>

#include <cerrno>
#include <csignal>
#include <cstdint>

namespace pilotfish::daemon {

#if defined(__x86_64__)

__attribute__((no_sanitize("address", "thread", "undefined"), noinline)) static long clone3_call(
    clone_args* arguments, int (*start)(void*), void* argument) noexcept {
    long result = SYS_clone3;
    register int (*function)(void*) asm("r8") = start;
    register void* given asm("r9") = argument;
    asm volatile(
        "syscall\n\t"
        "testq %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "xorl %%ebp, %%ebp\n\t"  // the outermost frame
        "movq %%r9, %%rdi\n\t"
        "callq *%%r8\n\t"
        "ud2\n"
        "1:"
        : "+a"(result)
        : "D"(arguments), "S"(sizeof *arguments), "r"(function), "r"(given)
        : "rcx", "r11", "cc", "memory");
    return result;
}

#elif defined(__aarch64__)

__attribute__((no_sanitize("address", "thread", "undefined"), noinline)) static long clone3_call(
    clone_args* arguments, int (*start)(void*), void* argument) noexcept {
    register long result asm("x0") = reinterpret_cast<long>(arguments);
    register std::size_t size asm("x1") = sizeof *arguments;
    register long number asm("x8") = SYS_clone3;
    register int (*function)(void*) asm("x9") = start;
    register void* given asm("x10") = argument;
    asm volatile(
        "svc #0\n\t"
        "cbnz x0, 1f\n\t"
        "mov x29, #0\n\t"  // the outermost frame
        "mov x0, x10\n\t"
        "blr x9\n\t"
        "brk #0\n"
        "1:"
        : "+r"(result)
        : "r"(size), "r"(number), "r"(function), "r"(given)
        : "cc", "memory");
    return result;
}

#else

static long clone3_call(clone_args*, int (*)(void*), void*) noexcept { return -ENOSYS; }

#endif

pid_t clone_into_group(int (*start)(void*), void* argument, void* stack, std::size_t stack_bytes,
                       int group, int& pidfd) noexcept {
    clone_args arguments{};
    arguments.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_INTO_CGROUP;
    arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
    arguments.exit_signal = SIGCHLD;
    arguments.stack = reinterpret_cast<std::uintptr_t>(stack);
    arguments.stack_size = stack_bytes;
    arguments.cgroup = static_cast<std::uint64_t>(group);
    const long result = clone3_call(&arguments, start, argument);
    if (result >= 0) return static_cast<pid_t>(result);
    errno = static_cast<int>(-result);
    return -1;
}

}  // namespace pilotfish::daemon
