#include "core/watcher.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "core/channel.h"
#include "core/log.h"
#include "core/scheduler.h"
#include "core/sleep.h"
#include "tests/core/log_lines.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class Pipe {
  public:
    Pipe() { PF_CHECK(pipe2(ends_, O_CLOEXEC) == 0, "no pipe"); }
    ~Pipe() {
        close(ends_[0]);
        close(ends_[1]);
    }
    // Blocks its thread: what a task should not do, and what libraries do.
    char read_byte() const {
        char byte = 0;
        PF_CHECK(read(ends_[0], &byte, 1) == 1, "the pipe is empty");
        return byte;
    }
    void write_byte(char byte) const {
        PF_CHECK(write(ends_[1], &byte, 1) == 1, "the pipe is full");
    }

  private:
    int ends_[2];
};

RuntimeOptions unwatched(int processors) {
    RuntimeOptions options;
    options.processors = processors;
    options.watch = Watch::off;
    return options;
}

Watcher& watcher() { return Scheduler::current()->watcher; }
std::int64_t idle_cpu(const Machine&) noexcept { return 5'000'000; }
std::int64_t busy_cpu(const Machine&) noexcept { return monotonic_ns() * 1000; }

// ---- driven by hand: the running task is its own watcher ----

class WatcherLook : public LeakFree {};

constexpr std::int64_t kMs = 1'000'000;

Task<int> looks_at_itself() {
    co_await yield();
    const std::int64_t now = monotonic_ns();
    EXPECT_GT(watcher().look(now), 0);
    EXPECT_EQ(watcher().stats().long_steps, 0U);
    EXPECT_LE(watcher().look(now + 9 * kMs), 1 * kMs) << "the next look comes when it is too long";
    EXPECT_EQ(watcher().stats().long_steps, 0U);
    watcher().look(now + 11 * kMs);
    EXPECT_EQ(watcher().stats().long_steps, 1U);
    watcher().look(now + 30 * kMs);
    EXPECT_EQ(watcher().stats().long_steps, 1U) << "once a step";
    EXPECT_GE(watcher().stats().longest_step_ns, 30 * kMs);
    co_await yield();
    watcher().look(monotonic_ns());
    EXPECT_EQ(watcher().stats().long_steps, 1U) << "another step";
    co_return 0;
}

TEST_F(WatcherLook, CountsAStepThatIsTooLongOnce) {
    Runtime runtime(unwatched(1));
    EXPECT_EQ(runtime.run(looks_at_itself()), 0);
}

Task<> sets(bool& flag) {
    flag = true;
    co_return;
}

// A blocked thread cannot look: with the seam this one plays blocked.
Task<int> is_lent(std::int64_t (*cpu)(const Machine&) noexcept, int stand_ins) {
    watcher().cpu_time_ns = cpu;
    bool ran = false;
    JoinHandle<> child = spawn(sets(ran));
    const std::int64_t now = monotonic_ns();
    watcher().look(now);
    EXPECT_EQ(watcher().look(now + 2 * kMs), 1 * kMs) << "a question for the CPU time";
    EXPECT_EQ(runtime::stats().stand_ins, 0);
    watcher().look(now + 3 * kMs);
    EXPECT_EQ(runtime::stats().stand_ins, stand_ins);
    EXPECT_EQ(runtime::stats().processors, 1) << "not seen from outside";
    EXPECT_EQ(runtime::max_procs(0), 1);
    co_await child;
    while (runtime::stats().stand_ins > 0) co_await yield();  // given back as the step ends
    EXPECT_EQ(runtime::stats().stand_ins_total, static_cast<unsigned>(stand_ins));
    EXPECT_EQ(Scheduler::current()->active_procs(), 1);
    co_return 0;
}

TEST_F(WatcherLook, LendsTheProcessorOfABlockedThreadWhenWorkWaits) {
    Runtime runtime(unwatched(1));
    EXPECT_EQ(runtime.run(is_lent(idle_cpu, 1)), 0);
}

TEST_F(WatcherLook, LendsNoProcessorWhoseThreadComputes) {
    Runtime runtime(unwatched(1));
    EXPECT_EQ(runtime.run(is_lent(busy_cpu, 0)), 0);
}

Task<int> is_not_lent_alone() {
    watcher().cpu_time_ns = idle_cpu;
    const std::int64_t now = monotonic_ns();
    for (int ms = 0; ms < 50; ms += 2) watcher().look(now + ms * kMs);
    EXPECT_EQ(runtime::stats().stand_ins_total, 0U) << "nobody waits";
    co_return 0;
}

TEST_F(WatcherLook, LendsNothingWhenNobodyWaits) {
    Runtime runtime(unwatched(1));
    EXPECT_EQ(runtime.run(is_not_lent_alone()), 0);
}

Task<int> is_taken_back() {
    watcher().cpu_time_ns = idle_cpu;
    bool ran = false;
    JoinHandle<> child = spawn(sets(ran));
    const std::int64_t now = monotonic_ns();
    for (int ms = 0; ms < 5; ++ms) watcher().look(now + ms * kMs);
    EXPECT_EQ(runtime::stats().stand_ins, 1);
    watcher().cpu_time_ns = busy_cpu;
    watcher().look(now + 20 * kMs);
    EXPECT_EQ(runtime::stats().stand_ins, 0) << "the call returned, the step goes on";
    EXPECT_EQ(Scheduler::current()->active_procs(), 1);
    co_await child;
    co_return 0;
}

TEST_F(WatcherLook, TakesTheStandInBackWhenTheThreadComputesAgain) {
    Runtime runtime(unwatched(1));
    EXPECT_EQ(runtime.run(is_taken_back()), 0);
}

Task<int> resizes_while_lent() {
    watcher().cpu_time_ns = idle_cpu;
    bool ran = false;
    JoinHandle<> child = spawn(sets(ran));
    const std::int64_t now = monotonic_ns();
    for (int ms = 0; ms < 5; ++ms) watcher().look(now + ms * kMs);
    EXPECT_EQ(runtime::max_procs(3), 1);
    EXPECT_EQ(Scheduler::current()->active_procs(), 4);
    EXPECT_EQ(runtime::max_procs(2), 3);
    EXPECT_EQ(Scheduler::current()->active_procs(), 3);
    co_await child;
    // Until the step of the lent one is seen to have ended.
    while (Scheduler::current()->active_procs() > 2) co_await yield();
    co_return 0;
}

TEST_F(WatcherLook, LetsMaxProcsChangeMeanwhile) {
    Runtime runtime(unwatched(1));
    EXPECT_EQ(runtime.run(resizes_while_lent()), 0);
}

Task<int> steps_too_long_often() {
    for (int i = 0; i < 8; ++i) {
        co_await yield();
        const std::int64_t now = monotonic_ns();
        watcher().look(now);
        watcher().look(now + 11 * kMs);
    }
    EXPECT_EQ(watcher().stats().long_steps, 8U);
    co_return 0;
}

TEST_F(WatcherLook, TellsFiveTimesAMinuteAtMost) {
    LogLines lines;
    Runtime runtime(unwatched(1));
    EXPECT_EQ(runtime.run(steps_too_long_often()), 0);
    EXPECT_EQ(lines.of("without suspending").size(), 5U);
}

// ---- with the thread ----

class WatcherThread : public LeakFree {};

Task<> reads_a_byte(const Pipe& pipe, char& byte) {
    byte = pipe.read_byte();
    co_return;
}

Task<> counts(int& count) {
    ++count;
    co_await yield();
    ++count;
}

// All the others run while the reader is blocked: it waits for this byte. Who takes its place is
// never out of work here, and must look at what the blocked one has left.
Task<> writes_a_byte(const Pipe& pipe, const int& count) {
    while (count < 200) co_await yield();
    pipe.write_byte('x');
}

Task<int> waits_for_a_blocked_reader(Duration& took) {
    const Pipe pipe;
    char byte = 0;
    int count = 0;
    const TimePoint start = runtime_now();
    JoinHandle<> reader = spawn(reads_a_byte(pipe, byte));
    JoinHandle<> writer = spawn(writes_a_byte(pipe, count));
    std::vector<JoinHandle<>> others;
    for (int i = 0; i < 100; ++i) others.push_back(spawn(counts(count)));
    co_await reader;
    took = runtime_now() - start;
    co_await writer;
    for (JoinHandle<>& other : others) co_await other;
    EXPECT_EQ(byte, 'x');
    EXPECT_GE(runtime::stats().stand_ins_total, 1U);
    co_return 0;
}

TEST_F(WatcherThread, FindsAProcessorForWorkBehindAThreadBlockedInTheKernel) {
    Runtime runtime({.processors = 1});
    Duration took{};
    EXPECT_EQ(runtime.run(waits_for_a_blocked_reader(took)), 0);
    RecordProperty("microseconds", std::to_string(took / 1us));
}

Task<int> blocks_while_outside_work_comes(const Pipe& pipe, std::atomic<bool>& blocked) {
    blocked = true;
    co_return pipe.read_byte();
}

Task<> writes_at_once(const Pipe& pipe) {
    pipe.write_byte('y');
    co_return;
}

TEST_F(WatcherThread, FindsAProcessorForWorkFromOutside) {
    Runtime runtime({.processors = 1});
    const Pipe pipe;
    std::atomic<bool> blocked{false};
    std::thread outside([&] {
        while (!blocked) std::this_thread::yield();
        runtime.spawn_external(writes_at_once(pipe)).detach();
    });
    EXPECT_EQ(runtime.run(blocks_while_outside_work_comes(pipe, blocked)), 'y');
    outside.join();
}

Task<> sleeps_then_writes(const Pipe& pipe) {
    co_await sleep_for(30ms);
    pipe.write_byte('z');
}

Task<int> blocks_while_a_timer_runs(const Pipe& pipe) {
    JoinHandle<> sleeper = spawn(sleeps_then_writes(pipe));
    co_await sleep_for(1ms);
    const char byte = pipe.read_byte();
    co_await sleeper;
    co_return byte;
}

TEST_F(WatcherThread, FindsAProcessorForATimerThatBecomesDue) {
    Runtime runtime({.processors = 1});
    const Pipe pipe;
    EXPECT_EQ(runtime.run(blocks_while_a_timer_runs(pipe)), 'z');
}

Task<> sets_atomic(std::atomic<bool>& flag) {
    flag = true;
    co_return;
}

Task<int> computes_until_its_child_has_run() {
    std::atomic<bool> ran{false};
    JoinHandle<> child = spawn(sets_atomic(ran));
    while (!ran.load()) std::this_thread::yield();
    co_await child;
    co_return 0;
}

TEST_F(WatcherThread, MakesAThreadForWorkBehindALongStep) {
    Runtime runtime({.processors = 2});
    EXPECT_EQ(runtime.run(computes_until_its_child_has_run()), 0);
}

Task<int> is_long_after_a_sleep() {
    co_await sleep_for(20ms);
    const TimePoint end = runtime_now() + 60ms;
    while (watcher().stats().long_steps == 0 && runtime_now() < end + 20s) {
    }
    EXPECT_EQ(watcher().stats().long_steps, 1U);
    co_await yield();
    EXPECT_GE(runtime::stats().longest_step, 10ms);
    co_return 0;
}

TEST_F(WatcherThread, SeesALongStepThatFollowsASleep) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(is_long_after_a_sleep()), 0);
}

Task<int> sleeps_often(int times, std::uint64_t& looks) {
    co_await sleep_for(20ms);
    const std::uint64_t before = watcher().stats().looks;
    for (int i = 0; i < times; ++i) co_await sleep_for(5ms);
    looks = watcher().stats().looks - before;
    co_return 0;
}

TEST_F(WatcherThread, SleepsThroughShortSteps) {
    Runtime runtime({.processors = 1});
    std::uint64_t looks = 0;
    EXPECT_EQ(runtime.run(sleeps_often(100, looks)), 0);
    // The machine is shared: a step of ours may be set aside for 2 ms.
    EXPECT_LT(looks, 20U) << "of 100 short steps";
}

Task<int> sleeps_once(Duration delay, std::uint64_t& looks) {
    co_await sleep_for(20ms);
    const std::uint64_t before = watcher().stats().looks;
    co_await sleep_for(delay);
    looks = watcher().stats().looks - before;
    co_return 0;
}

TEST_F(WatcherThread, SleepsWhileAllSleep) {
    Runtime runtime({.processors = 1});
    std::uint64_t looks = 0;
    EXPECT_EQ(runtime.run(sleeps_once(300ms, looks)), 0);
    EXPECT_LE(looks, 2U);
}

TEST_F(WatcherThread, IsMadeLateWhenAsked) {
    RuntimeOptions options;
    options.processors = 1;
    options.watch = Watch::settled;
    Runtime runtime(options);
    struct Counts {
        static Task<int> threads() {
            const int before = entries_of("/proc/self/task");
            co_await sleep_for(10ms);
            EXPECT_EQ(entries_of("/proc/self/task"), before);
            co_await sleep_for(100ms);
            EXPECT_EQ(entries_of("/proc/self/task"), before + 1);
            co_return 0;
        }
    };
    EXPECT_EQ(runtime.run(Counts::threads()), 0);
}

}  // namespace
}  // namespace pilotfish::core
