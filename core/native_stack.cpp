// One question at a time, in memory of our own: the asker names the thread and raises the signal,
// the thread's handler moves the question from asked to answering, fills in and says answered. An
// asker that has waited long enough takes the question back, asked to none; a signal that arrives
// later finds none and changes nothing. Once the handler is answering it cannot be taken back, but
// then the thread runs, and needs microseconds.
//
// Rejected: backtrace(3) in the handler (takes the loader's lock, allocates at its first use);
// unwinding tables in the asker (a copy of the whole stack and an unwinder of our own); stopping
// the thread by ptrace (no thread can trace its own process).
#include "core/native_stack.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>

#include "core/clock.h"
#include "core/native_symbols.h"
#include "core/task_record.h"

namespace pilotfish::core {
namespace {

constexpr int kSignal = SIGURG;

#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitized = true;
#elif defined(__has_feature)
constexpr bool kThreadSanitized = __has_feature(thread_sanitizer);
#else
constexpr bool kThreadSanitized = false;
#endif

enum : std::uint32_t { kNone, kAsked, kAnswering, kAnswered };

struct Question {
    std::atomic<std::uint32_t> state{kNone};  // a futex
    std::atomic<NativeThread*> thread{nullptr};
    NativeStack answer;  // the handler's while answering, else the asker's
};
constinit Question question;
std::timed_mutex asking;

thread_local NativeThread* own __attribute__((tls_model("initial-exec"))) = nullptr;

struct sigaction before_us;
// A thread had the signal blocked before begin(): for a signalfd. One that has it open without
// begin() was made by one of ours.
std::atomic<bool> read_elsewhere{false};

struct Registers {
    std::uintptr_t pc, sp, fp, link;
};

Registers registers_of(const ucontext_t& context) noexcept {
#if defined(__x86_64__)
    const auto& all = context.uc_mcontext.gregs;
    return {static_cast<std::uintptr_t>(all[REG_RIP]), static_cast<std::uintptr_t>(all[REG_RSP]),
            static_cast<std::uintptr_t>(all[REG_RBP]), 0};
#elif defined(__aarch64__)
    const auto& all = context.uc_mcontext;
    return {all.pc, all.sp, all.regs[29], all.regs[30]};
#endif
}

// It reads what others may be writing, and beyond what the compiler knows of.
#if defined(__clang__)
__attribute__((no_sanitize("address", "thread", "undefined")))
#else
__attribute__((no_sanitize("address"), no_sanitize("thread"), no_sanitize("undefined")))
#endif
void walk(NativeStack& out, const Registers& at, std::uintptr_t low, std::uintptr_t high) noexcept {
    out.depth = out.word_count = 0;
    out.cut = false;
    out.frames[static_cast<std::size_t>(out.depth++)] = at.pc;
    if (at.sp < low || at.sp >= high || at.sp % sizeof(void*) != 0)
        return;  // a stack of its own making
    // No function of its own: that would be checked by the sanitizers.
#define PF_WORD(address) (*reinterpret_cast<const volatile std::uintptr_t*>(address))
    std::uintptr_t frame = at.fp;
    const bool framed =
        frame >= at.sp && frame + 2 * sizeof(void*) <= high && frame % sizeof(void*) == 0;
    if (at.link) out.words[static_cast<std::size_t>(out.word_count++)] = at.link;
    for (std::uintptr_t address = at.sp;
         address < (framed ? frame : high) && out.word_count < NativeStack::kWords;
         address += sizeof(void*))
        out.words[static_cast<std::size_t>(out.word_count++)] = PF_WORD(address);
    while (frame >= at.sp && frame + 2 * sizeof(void*) <= high && frame % sizeof(void*) == 0) {
        const std::uintptr_t next = PF_WORD(frame);
        const std::uintptr_t back = PF_WORD(frame + sizeof(void*));
        if (back == 0) break;
        if (out.depth == NativeStack::kDeepest) {
            out.cut = true;
            break;
        }
        out.frames[static_cast<std::size_t>(out.depth++)] = back;
        if (next <= frame) break;
        frame = next;
    }
#undef PF_WORD
}

long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value,
           const timespec* timeout) noexcept {
    return syscall(SYS_futex, &word, operation, value, timeout, nullptr, 0);
}

std::uintptr_t stack_low(pid_t tid, std::uintptr_t top) noexcept {
    if (tid == getpid()) {
        // pthread_getattr_np would read all of /proc/self/maps. The kernel keeps 128 MiB free below
        // the first stack whatever the limit says.
        constexpr std::uintptr_t kMost = std::uintptr_t{128} << 20;
        rlimit limit{};
        getrlimit(RLIMIT_STACK, &limit);
        return top - std::min<std::uintptr_t>(limit.rlim_cur, kMost);
    }
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return top;
    void* low = nullptr;
    std::size_t bytes = 0;
    pthread_attr_getstack(&attributes, &low, &bytes);
    pthread_attr_destroy(&attributes);
    return reinterpret_cast<std::uintptr_t>(low);
}

}  // namespace

struct NativeHandler {
    static void handle(int, siginfo_t* info, void* context) {
        const int error = errno;
        NativeThread* self = own;
        std::uint32_t asked = kAsked;
        // A signal of others may be the first that comes after the question: it serves as well, and
        // is passed on all the same. Ours then finds no question.
        if (self && question.thread.load(std::memory_order_acquire) == self &&
            question.state.compare_exchange_strong(asked, kAnswering, std::memory_order_acq_rel)) {
            walk(question.answer, registers_of(*static_cast<ucontext_t*>(context)), self->low_,
                 self->high_);
            question.answer.task = tls.task;
            question.state.store(kAnswered, std::memory_order_release);
            futex(question.state, FUTEX_WAKE_PRIVATE, 1, nullptr);
        }
        if (info->si_code != SI_TKILL || info->si_pid != getpid())
            pass_on(self, info, static_cast<ucontext_t*>(context));
        errno = error;
    }

    // Not ours: as if we were not there. Given back to the process it may come to another thread of
    // ours, which does the same; each one once, so it ends at the signalfd.
    static void pass_on(NativeThread* self, siginfo_t* info, ucontext_t* context) {
        if (self ? self->was_blocked_ : read_elsewhere.load(std::memory_order_relaxed)) {
            if (self) self->deaf_.store(true, std::memory_order_relaxed);
            sigaddset(&context->uc_sigmask, kSignal);
            // The thread sanitizer calls handlers later and with a mask of its own: to it, what is
            // given back would come again for ever (runc leaves one pending at its exec).
            if (!kThreadSanitized) give_back(*info);
        } else if (before_us.sa_flags & SA_SIGINFO) {
            before_us.sa_sigaction(kSignal, info, context);
        } else if (before_us.sa_handler != SIG_DFL && before_us.sa_handler != SIG_IGN) {
            before_us.sa_handler(kSignal);
        }
    }

    // The sender and his value stay. Only the first thread of a process may say that kill(2) or the
    // kernel sent it (rt_sigqueueinfo(2)): for the others it was queued.
    static void give_back(siginfo_t info) {
        if (info.si_code >= 0 || info.si_code == SI_TKILL) info.si_code = SI_QUEUE;
        if (syscall(SYS_rt_sigqueueinfo, getpid(), kSignal, &info) != 0) kill(getpid(), kSignal);
    }

    static void install() {
        static const bool installed = [] {
            struct sigaction ours{};
            ours.sa_sigaction = handle;
            ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
            sigemptyset(&ours.sa_mask);
            return sigaction(kSignal, &ours, &before_us) == 0;
        }();
        static_cast<void>(installed);
    }
};

void NativeThread::begin(const void* top) noexcept {
    std::lock_guard guard(lives_);
    high_ = reinterpret_cast<std::uintptr_t>(top);
    const auto tid = static_cast<pid_t>(syscall(SYS_gettid));
    low_ = stack_low(tid, high_);
    own = this;
    deaf_.store(false, std::memory_order_relaxed);
    sigset_t signal;
    sigset_t before;
    sigemptyset(&signal);
    sigaddset(&signal, kSignal);
    pthread_sigmask(SIG_BLOCK, nullptr, &before);
    was_blocked_ = sigismember(&before, kSignal) == 1;
    if (was_blocked_) {
        read_elsewhere.store(true, std::memory_order_relaxed);
        // The handler first: without one the signal would be dropped that others sent.
        NativeHandler::install();
        pthread_sigmask(SIG_UNBLOCK, &signal, nullptr);
    }
    tid_.store(tid, std::memory_order_relaxed);
}

void NativeThread::end() noexcept {
    {
        std::lock_guard guard(lives_);
        tid_.store(0, std::memory_order_relaxed);
    }
    if (was_blocked_) {
        sigset_t signal;
        sigemptyset(&signal);
        sigaddset(&signal, kSignal);
        pthread_sigmask(SIG_BLOCK, &signal, nullptr);
    }
    own = nullptr;
}

bool NativeThread::capture(NativeStack& out, std::chrono::nanoseconds patience) noexcept {
    const auto until = std::chrono::steady_clock::now() + patience;
    const std::unique_lock one(asking, until);
    if (!one) return false;
    const std::unique_lock lives(lives_, until);
    if (!lives || tid() == 0 || deaf_.load(std::memory_order_relaxed)) return false;
    NativeHandler::install();
    question.thread.store(this, std::memory_order_relaxed);
    // Release: the handler sees the thread, and the asker before us has read its answer.
    question.state.store(kAsked, std::memory_order_release);
    if (syscall(SYS_tgkill, getpid(), tid(), kSignal) != 0) {
        question.state.store(kNone, std::memory_order_relaxed);
        return false;
    }
    for (;;) {
        std::uint32_t state = question.state.load(std::memory_order_acquire);
        if (state == kAnswered) break;
        const std::int64_t left = to_ns(until) - monotonic_ns();
        if (left <= 0 && state == kAsked &&
            question.state.compare_exchange_strong(state, kNone, std::memory_order_acq_rel))
            return false;
        const std::int64_t wait = left > 0 ? left : 1'000'000;
        const timespec timeout{wait / 1'000'000'000, wait % 1'000'000'000};
        futex(question.state, FUTEX_WAIT_PRIVATE, state, &timeout);
    }
    out = question.answer;
    question.state.store(kNone, std::memory_order_release);
    return true;
}

// Who called into code that keeps no frame pointer: its return address lies on the stack below the
// first frame, under whatever that code keeps there. 0: the thread is in code of ours, or none is
// found.
static std::uintptr_t caller_of_innermost(const NativeStack& stack) noexcept {
    const std::uintptr_t pc = stack.frames[0];
    const bool in_kernel = before(pc) == CodeBefore::system_call;
    if (!in_kernel && same_module(pc, reinterpret_cast<std::uintptr_t>(&caller_of_innermost)))
        return 0;
    for (int i = 0; i < stack.word_count; ++i) {
        const std::uintptr_t word = stack.words[static_cast<std::size_t>(i)];
        if (before(word) == CodeBefore::call && (in_kernel || !same_module(pc, word))) return word;
    }
    return 0;
}

template <class Visit>
static void each_frame(const NativeStack& stack, Visit visit) {
    for (int i = 0; i < stack.depth; ++i) {
        // A return address is the instruction after the call, which may be another function's
        // first.
        const std::uintptr_t address = stack.frames[static_cast<std::size_t>(i)];
        visit(find_code(i == 0 ? address : address - 1));
        if (i > 0) continue;
        const std::uintptr_t caller = caller_of_innermost(stack);
        if (caller && (stack.depth < 2 || caller != stack.frames[1])) visit(find_code(caller - 1));
    }
}

static std::string place_of(const CodePlace& code) {
    if (code.module.empty()) return "?";
    char offset[32];
    std::snprintf(offset, sizeof offset, "+%#zx", code.offset);
    return code.module + offset;
}

std::string to_text(const NativeStack& stack, std::string_view between) {
    std::string text;
    each_frame(stack, [&](const CodePlace& code) {
        if (!text.empty()) text.append(between);
        text.append(code.function.empty() ? place_of(code) : code.function);
    });
    if (stack.cut) text.append(between).append("...");
    return text;
}

void append_frames(std::string& out, const NativeStack& stack) {
    each_frame(stack, [&](const CodePlace& code) {
        out.append(code.function.empty() ? "?" : code.function).append("\n\t");
        out.append(place_of(code)).append("\n");
    });
    if (stack.cut) out.append("...additional frames elided...\n");
}

}  // namespace pilotfish::core
