#include "core/native_stack.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/native_symbols.h"
#include "core/running_task.h"
#include "core/sleep.h"
#include "core/stack_dump.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class NativeStacks : public LeakFree {};

// Sanitizers deliver signals late and slow everything down.
constexpr auto kPatience = 20s;

// The thread sanitizer puts calls of its own, without frame pointers, between a function and its
// atomic operations and system calls: what is innermost is then not ours. And it calls handlers
// later, outside of the kernel's frame.
#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitizer = true;
#elif defined(__has_feature)
constexpr bool kThreadSanitizer = __has_feature(thread_sanitizer);
#else
constexpr bool kThreadSanitizer = false;
#endif
// And the address sanitizer of its own round read().
constexpr bool kSanitized = kSlowdown > 1;

// The caller must not be left out of the chain by a jump instead of a call.
#define KEEP_FRAME() asm volatile("" ::: "memory")

struct Subject {
    NativeThread native;
    std::atomic<bool> ready{false};
    std::atomic<bool> stop{false};
    int pipe[2] = {-1, -1};
    int read_error = 0;
};

__attribute__((noinline)) void spins_inside(Subject& subject) {
    subject.ready = true;
    while (!subject.stop.load()) {
    }
    KEEP_FRAME();
}

__attribute__((noinline)) void spins_outside(Subject& subject) {
    spins_inside(subject);
    KEEP_FRAME();
}

__attribute__((noinline)) void blocks_inside(Subject& subject) {
    subject.ready = true;
    char byte = 0;
    if (read(subject.pipe[0], &byte, 1) != 1) subject.read_error = errno;
    KEEP_FRAME();
}

__attribute__((noinline)) void blocks_outside(Subject& subject) {
    blocks_inside(subject);
    KEEP_FRAME();
}

template <class Act>
std::thread shown(Subject& subject, Act act) {
    return std::thread([&subject, act] {
        subject.native.begin(__builtin_frame_address(0));
        act(subject);
        subject.native.end();
    });
}

void expect_order(const std::string& text, std::vector<std::string> parts) {
    std::size_t at = 0;
    for (const std::string& part : parts) {
        const std::size_t found = text.find(part, at);
        EXPECT_NE(found, std::string::npos) << part << " is not, or not in its place, in:\n"
                                            << text;
        if (found != std::string::npos) at = found;
    }
}

TEST_F(NativeStacks, ShowWhereAnotherThreadComputes) {
    Subject subject;
    std::thread thread = shown(subject, spins_outside);
    while (!subject.ready) std::this_thread::yield();
    NativeStack stack;
    const std::string inner = kThreadSanitizer ? "" : "spins_inside(";
    // An answer from the first instruction of a function, before it has a frame, lacks its caller.
    const auto until = std::chrono::steady_clock::now() + kPatience;
    std::string text;
    do {
        ASSERT_TRUE(subject.native.capture(stack, kPatience));
        text = to_text(stack, " ");
    } while ((text.find("spins_outside(") == std::string::npos ||
              text.find(inner) == std::string::npos) &&
             std::chrono::steady_clock::now() < until);
    expect_order(to_text(stack, " < "), {inner, " < ", "spins_outside("});
    std::string frames;
    append_frames(frames, stack);
    expect_order(frames, {inner, "\n\tcore_tests+0x", "spins_outside(", "\n\tcore_tests+0x"});
    subject.stop = true;
    thread.join();
}

bool sleeps_in_kernel(pid_t tid) {
    const std::string path = "/proc/self/task/" + std::to_string(tid) + "/stat";
    char text[256];
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text);
    if (fd >= 0) close(fd);
    const std::string_view stat(text, length > 0 ? static_cast<std::size_t>(length) : 0);
    return stat.find(") S ") != std::string_view::npos;
}

TEST_F(NativeStacks, ShowWhoCalledIntoTheKernelAndDoNotEndTheCall) {
    Subject subject;
    ASSERT_EQ(pipe2(subject.pipe, O_CLOEXEC), 0);
    std::thread thread = shown(subject, blocks_outside);
    while (!subject.ready || !sleeps_in_kernel(subject.native.tid())) std::this_thread::yield();
    for (int i = 0; i < 3; ++i) {
        NativeStack stack;
        ASSERT_TRUE(subject.native.capture(stack, kPatience));
        expect_order(to_text(stack, "\n"),
                     {"read", "\n", kSanitized ? "" : "blocks_inside(", "blocks_outside("});
    }
    ASSERT_EQ(write(subject.pipe[1], "x", 1), 1);
    thread.join();
    EXPECT_EQ(subject.read_error, 0) << "the call went on after the signal";
    close(subject.pipe[0]);
    close(subject.pipe[1]);
}

TEST_F(NativeStacks, AreNotToBeHadOfAThreadThatHasEnded) {
    Subject subject;
    std::thread thread = shown(subject, [](Subject&) {});
    thread.join();
    NativeStack stack;
    EXPECT_FALSE(subject.native.capture(stack, kPatience));
}

TEST_F(NativeStacks, AreWaitedForNoLongerThanAsked) {
    Subject subject;
    std::thread thread = shown(subject, [](Subject& self) {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, nullptr);
        self.ready = true;
        while (!self.stop.load()) std::this_thread::yield();
    });
    while (!subject.ready) std::this_thread::yield();
    NativeStack stack;
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(subject.native.capture(stack, 5ms));
    EXPECT_GE(std::chrono::steady_clock::now() - start, 5ms);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
    subject.stop = true;
    thread.join();
    // What was asked too late disturbs no later question.
    Subject other;
    std::thread next = shown(other, spins_outside);
    while (!other.ready) std::this_thread::yield();
    EXPECT_TRUE(other.native.capture(stack, kPatience));
    other.stop = true;
    next.join();
}

TEST_F(NativeStacks, AreAskedForByManyAtOnce) {
    Subject subjects[3];
    std::vector<std::thread> threads;
    for (Subject& subject : subjects) threads.push_back(shown(subject, spins_outside));
    for (Subject& subject : subjects) {
        while (!subject.ready) std::this_thread::yield();
    }
    std::vector<std::thread> askers;
    for (int i = 0; i < 3; ++i) {
        askers.emplace_back([&subjects, i] {
            for (int round = 0; round < 30 / kSlowdown; ++round) {
                NativeStack stack;
                ASSERT_TRUE(subjects[(i + round) % 3].native.capture(stack, kPatience));
                EXPECT_GT(stack.depth, kThreadSanitizer ? 0 : 1);
            }
        });
    }
    for (std::thread& asker : askers) asker.join();
    for (Subject& subject : subjects) subject.stop = true;
    for (std::thread& thread : threads) thread.join();
}

// A thread that has the signal open and has not begun.
void makes_another(Subject& subject) { std::thread(spins_outside, std::ref(subject)).join(); }

void expect_urgent(int fd) {
    signalfd_siginfo info{};
    const auto until = std::chrono::steady_clock::now() + kPatience;
    // Readable may mean that a thread that has it open is about to take it, and to give it back.
    while (read(fd, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) {
        ASSERT_EQ(errno, EAGAIN);
        ASSERT_LT(std::chrono::steady_clock::now(), until) << "the signal is lost";
        std::this_thread::yield();
    }
    EXPECT_EQ(info.ssi_signo, static_cast<unsigned>(SIGURG));
    EXPECT_EQ(info.ssi_pid, static_cast<unsigned>(getpid()));
}

// As in the daemon, which forwards every signal it is sent.
TEST_F(NativeStacks, LeaveTheSignalToASignalfdThatOthersReadItFrom) {
    if (kThreadSanitizer)
        GTEST_SKIP() << "it hides the mask of the interrupted thread from a handler";
    sigset_t urgent;
    sigset_t before;
    sigemptyset(&urgent);
    sigaddset(&urgent, SIGURG);
    pthread_sigmask(SIG_BLOCK, &urgent, &before);
    const int fd = signalfd(-1, &urgent, SFD_CLOEXEC | SFD_NONBLOCK);
    ASSERT_GE(fd, 0);
    for (const bool read_late : {true, false}) {
        SCOPED_TRACE(read_late);
        Subject subjects[3];
        std::vector<std::thread> threads;
        for (Subject& subject : subjects)
            threads.push_back(
                shown(subject, &subject == &subjects[2] ? makes_another : spins_outside));
        for (Subject& subject : subjects) {
            while (!subject.ready) std::this_thread::yield();
            NativeStack stack;
            EXPECT_TRUE(subject.native.capture(stack, kPatience));
        }
        for (int i = 0; i < 2; ++i) {
            std::thread([] { EXPECT_EQ(kill(getpid(), SIGURG), 0); }).join();
            // Nobody reads it before it has gone through all those that have it open.
            NativeStack stack;
            for (Subject& subject : subjects) {
                while (read_late && subject.native.capture(stack, 10ms)) std::this_thread::yield();
            }
            expect_urgent(fd);
        }
        for (Subject& subject : subjects) subject.stop = true;
        for (std::thread& thread : threads) thread.join();
    }
    close(fd);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

__attribute__((noinline)) void computes_native(std::atomic<bool>& seen) {
    while (!seen.load()) {
    }
    KEEP_FRAME();
}

Task<> computes(std::atomic<bool>& running, std::atomic<bool>& seen) {
    running = true;
    computes_native(seen);
    co_return;
}

Task<int> spawns_a_computing_task(std::atomic<bool>& running, std::atomic<bool>& seen) {
    JoinHandle<> task = spawn(computes(running, seen), {.name = "computer"});
    co_await task;
    co_return 0;
}

TEST_F(NativeStacks, AreShownOfRunningTasksInDumps) {
    Runtime runtime({.processors = 1});
    std::atomic<bool> running{false};
    std::atomic<bool> seen{false};
    std::string text;
    std::thread reader([&] {
        while (!running) std::this_thread::yield();
        // Under a sanitizer on a busy machine the answer may come after the dump has gone on.
        const auto patience = std::chrono::steady_clock::now() + kPatience;
        do {
            text = runtime::stack(true);
        } while (text.find("computes_native(") == std::string::npos &&
                 std::chrono::steady_clock::now() < patience);
        seen = true;
    });
    EXPECT_EQ(runtime.run(spawns_a_computing_task(running, seen)), 0);
    reader.join();
    expect_order(text, {" [running, on processor 0", "\"computer\"]:\n", "computes_native(",
                        "\tcore_tests+0x", "computes(", "...last waited at\n", "created by "});
}

TEST(NativeSymbols, NameStaticFunctionsAndGiveModulesOfTheRest) {
    const CodePlace here = find_code(reinterpret_cast<std::uintptr_t>(&spins_inside));
    EXPECT_NE(here.function.find("spins_inside("), std::string::npos);
    EXPECT_EQ(here.module, "core_tests");
    EXPECT_GT(here.offset, 0U);
    const CodePlace libc = find_code(reinterpret_cast<std::uintptr_t>(&strtoull));
    EXPECT_NE(libc.function.find("strtoull"), std::string::npos);
    const int local = 0;
    const CodePlace data = find_code(reinterpret_cast<std::uintptr_t>(&local));
    EXPECT_EQ(data.function + data.module, "");
}

}  // namespace
}  // namespace pilotfish::core
