#include "core/signals.h"

#include <sys/wait.h>
#include <unistd.h>

#include "core/sleep.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class Signals : public LeakFree {};

Task<int> reads_signals() {
    Result<SignalSource> source = SignalSource::open({SIGUSR1, SIGUSR2, SIGRTMIN});
    PF_CHECK(source.ok(), "a signalfd");
    ::kill(getpid(), SIGUSR1);
    ::kill(getpid(), SIGUSR1);  // one with the first
    const Result<ReceivedSignal> first = co_await source->next();
    EXPECT_EQ(first->number, SIGUSR1);
    EXPECT_EQ(first->code, SI_USER);
    EXPECT_EQ(first->sender, getpid());
    EXPECT_EQ(first->sender_uid, getuid());
    for (const int i : {1, 2, 3}) {
        sigval value{};
        value.sival_int = i;
        ::sigqueue(getpid(), SIGRTMIN, value);
    }
    for (const int i : {1, 2, 3}) {
        const Result<ReceivedSignal> queued = co_await source->next();
        EXPECT_EQ(queued->number, SIGRTMIN);
        EXPECT_EQ(queued->code, SI_QUEUE);
        EXPECT_EQ(queued->value.sival_int, i);
    }
    const Result<ReceivedSignal> late = co_await source->next(runtime_now());
    EXPECT_EQ(late.error().message, "cannot read signals: timed out");
    EXPECT_TRUE(late.error().timed_out());
    co_return 0;
}

TEST_F(Signals, AreReadWithAllThatIsKnownOfThem) {
    const BlockedSignals blocked({SIGUSR1, SIGUSR2, SIGRTMIN});
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(reads_signals()), 0);
}

Task<> counts(SignalSource& source, int& seen, int most) {
    while (seen < most) {
        const Result<ReceivedSignal> got = co_await source.next();
        if (!got) co_return;
        ++seen;
    }
}

// Each signal is sent only when the one before has been read, so that none is one with another.
Task<int> wakes_the_reader() {
    Result<SignalSource> source = SignalSource::open({SIGUSR1});
    int seen = 0;
    constexpr int kSignals = 200;
    JoinHandle<> counting = spawn(counts(*source, seen, kSignals));
    for (int i = 0; i < kSignals; ++i) {
        ::kill(getpid(), SIGUSR1);
        while (seen == i) co_await sleep_for(20us);
    }
    co_await counting;
    co_return seen - kSignals;
}

TEST_F(Signals, WakeTheTaskThatWaits) {
    const BlockedSignals blocked({SIGUSR1});
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(wakes_the_reader()), 0);
}

Task<int> hears_of_a_child() {
    Result<SignalSource> source = SignalSource::open({SIGCHLD});
    const pid_t child = fork();
    if (child == 0) _exit(3);
    const Result<ReceivedSignal> got = co_await source->next();
    EXPECT_EQ(got->number, SIGCHLD);
    EXPECT_EQ(got->code, CLD_EXITED);
    EXPECT_EQ(got->sender, child);
    EXPECT_EQ(got->status, 3);
    ::waitpid(child, nullptr, 0);
    int seen = 0;
    JoinHandle<> counting = spawn(counts(*source, seen, 1));
    co_await yield();
    source->close();
    co_await counting;
    EXPECT_EQ(seen, 0) << "closed while it waits";
    co_return 0;
}

TEST_F(Signals, OfAChildTellWhichAndHow) {
    const BlockedSignals blocked({SIGCHLD});
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(hears_of_a_child()), 0);
}

TEST_F(Signals, MaskIsRestored) {
    const auto blocks_usr2 = [] {
        sigset_t now;
        pthread_sigmask(SIG_SETMASK, nullptr, &now);
        return sigismember(&now, SIGUSR2) == 1;
    };
    EXPECT_FALSE(blocks_usr2());
    {
        const BlockedSignals blocked({SIGUSR2});
        EXPECT_TRUE(blocks_usr2());
        EXPECT_EQ(sigismember(&blocked.before(), SIGUSR2), 0);
    }
    EXPECT_FALSE(blocks_usr2());
}

Task<int> opens_unblocked() {
    const Result<SignalSource> source = SignalSource::open({SIGUSR2});
    co_return source ? 1 : 2;
}

TEST(SignalsDeathTest, UnblockedSignalIsABug) {
    EXPECT_DEATH(
        {
            Runtime runtime({.processors = 1});
            runtime.run(opens_unblocked());
        },
        "make a BlockedSignals before the Runtime");
}

Task<int> opens_all() {
    SignalSet set = SignalSet::all();
    const Result<SignalSource> source = SignalSource::open(set);
    EXPECT_TRUE(source.ok());
    set.remove(SIGHUP);
    EXPECT_FALSE(set.has(SIGHUP));
    EXPECT_TRUE(set.has(SIGTERM));
    co_return 0;
}

TEST_F(Signals, AllOfThemCanBeBlockedAndRead) {
    const BlockedSignals blocked(SignalSet::all());
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(opens_all()), 0);
}

}  // namespace
}  // namespace pilotfish::core
