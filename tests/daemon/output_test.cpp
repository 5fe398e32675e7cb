#include "daemon/output.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/daemon/pipe.h"
#include "tests/support/test_support.h"

namespace pilotfish::daemon {
namespace {

using namespace std::chrono_literals;
using tests::Pipe;
using tests::Source;
using tests::split_lines;

constexpr auto kLong = std::chrono::seconds(60);  // a limit for a broken build, never waited out

std::string numbered(int number) { return "line " + std::to_string(number) + "\n"; }

// Fills the ring behind a pipe that nobody reads; returns how many lines were written.
int write_until_lost(Output& output, Source& source) {
    int count = 0;
    while (source.source.lost_lines() == 0) output.write(source, numbered(count++));
    return count;
}

// Frees the writer thread from a pipe that nobody reads, so that the pipe can be closed after it.
void release_writer(Pipe& pipe, Output& output) {
    pipe.close_reader();
    EXPECT_TRUE(output.flush(kLong));
}

// The field of the writer thread's /proc/self/task/TID/FILE line that starts with key.
std::string of_writer_thread(const char* file, const std::string& key) {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string line;
        std::ifstream name(task.path() / "comm");
        if (!std::getline(name, line) || line != "pf-output") continue;
        std::ifstream fields(task.path() / file);
        while (std::getline(fields, line)) {
            if (line.starts_with(key)) return line.substr(key.size());
        }
    }
    return "";
}

// Waits until the writer thread sleeps in the kernel, inside write(2) or poll(2).
void wait_until_writer_sleeps() {
    while (of_writer_thread("status", "State:\t").substr(0, 1) != "S") std::this_thread::yield();
}

TEST(Output, GivesALineToAPipeAtOnceAndWithoutAThread) {
    const Pipe pipe;
    Output output(pipe.writer());
    Source source(output);
    output.write(source, "hello\n");
    if (output.stats().has_thread)
        GTEST_SKIP() << "this kernel's pipes lack RWF_NOWAIT (Linux 6.4)";
    EXPECT_EQ(pipe.take(), "hello\n");
    EXPECT_EQ(output.stats().bytes, 6u);
    EXPECT_EQ(source.source.lines(), 1u);
}

TEST(Output, GivesALineToASocketAtOnceAndWithoutAThread) {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    {
        Output output(ends[0]);
        Source source(output);
        output.write(source, "hello\n");
        EXPECT_FALSE(output.stats().has_thread);
        char bytes[16];
        EXPECT_EQ(recv(ends[1], bytes, sizeof bytes, MSG_DONTWAIT), 6);
    }
    close(ends[0]);
    close(ends[1]);
}

TEST(Output, WritesWholeBatchesToAFile) {
    const tests::TempDir dir;
    const std::string path = dir.path() + "/log";
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    std::string expected;
    {
        Output output(fd);
        Source source(output);
        for (int i = 0; i < 1000; ++i) {
            output.write(source, numbered(i));
            expected += numbered(i);
        }
        EXPECT_TRUE(output.flush(kLong));
        EXPECT_EQ(output.stats().bytes, expected.size());
    }
    close(fd);
    EXPECT_EQ(tests::read_file(path), expected);
}

TEST(Output, LeavesTheSharedDescriptionBlocking) {
    Pipe pipe(4096);
    const int flags = fcntl(pipe.writer(), F_GETFL);
    Output output(pipe.writer(), {.capacity_bytes = 4096});
    Source source(output);
    write_until_lost(output, source);
    EXPECT_EQ(fcntl(pipe.writer(), F_GETFL), flags);
    release_writer(pipe, output);
}

TEST(Output, LosesWholeLinesAndTellsHowManyInTheirPlace) {
    Pipe pipe(4096);
    std::string text;
    int written = 0;
    std::uint64_t lost = 0;
    {
        Output output(pipe.writer(), {.capacity_bytes = 8192});
        Source source(output);
        written = write_until_lost(output, source);
        std::thread reader([&] { text = pipe.read_all(); });
        EXPECT_TRUE(output.flush(kLong));
        lost = source.source.lost_lines();
        output.write(source, "after the gap\n");
        EXPECT_TRUE(output.flush(kLong));
        pipe.close_writer();
        reader.join();
        EXPECT_EQ(output.stats().lost_lines, lost);
    }
    const std::vector<std::string> lines = split_lines(text);
    const int kept = written - static_cast<int>(lost);
    ASSERT_EQ(lines.size(), static_cast<std::size_t>(kept) + 2);
    for (int i = 0; i < kept; ++i) EXPECT_EQ(lines[i] + "\n", numbered(i));
    EXPECT_EQ(lines[kept], "lost " + std::to_string(lost));
    EXPECT_EQ(lines[kept + 1], "after the gap");
}

TEST(Output, TellsALossOfASourceThatIsGone) {
    Pipe pipe(4096);
    Output output(pipe.writer(), {.capacity_bytes = 8192});
    {
        Source source(output);
        write_until_lost(output, source);
    }
    std::string text;
    std::thread reader([&] { text = pipe.read_all(); });
    EXPECT_TRUE(output.flush(kLong));
    pipe.close_writer();
    reader.join();
    EXPECT_TRUE(text.ends_with("\nlost 1\n")) << text.substr(text.size() - 40);
}

TEST(Output, CountsTheLossesOfEachSourceApart) {
    Pipe pipe(4096);
    Output output(pipe.writer(), {.capacity_bytes = 4096});
    Source noisy(output);
    Source quiet(output);
    write_until_lost(output, noisy);
    output.write(noisy, "a\nb\nc\n", 3);
    output.write(quiet, std::string(4096, 'x') + "\n");
    EXPECT_EQ(noisy.source.lost_lines(), 4u);
    EXPECT_EQ(quiet.source.lost_lines(), 1u);
    EXPECT_EQ(output.stats().lost_lines, 5u);
    release_writer(pipe, output);
}

TEST(Output, KeepsRoomForTheDaemonsOwnLines) {
    Pipe pipe(4096);
    Output output(pipe.writer(), {.capacity_bytes = 65536});
    Source worker(output);
    Source own(output, OutputSource::Rank::own);
    write_until_lost(output, worker);
    for (int i = 0; i < 10; ++i) output.write(own, numbered(i));
    EXPECT_EQ(own.source.lost_lines(), 0u);
    release_writer(pipe, output);
}

TEST(Output, AsksForAPauseWhileCrowdedButNotForLong) {
    Pipe pipe(4096);
    pipe.fill();
    Output output(pipe.writer(), {.capacity_bytes = 65536});
    Source source(output);
    output.write(source, std::string(30000, 'x') + "\n");
    EXPECT_FALSE(output.wants_pause());
    const auto start = std::chrono::steady_clock::now();
    output.write(source, std::string(4000, 'x') + "\n");
    EXPECT_TRUE(output.wants_pause() || std::chrono::steady_clock::now() - start > 200ms);
    while (output.wants_pause()) std::this_thread::yield();
    EXPECT_GE(std::chrono::steady_clock::now() - start, 200ms)
        << "a stuck reader is given a chance";
    std::thread reader([&] { pipe.read_all(); });
    EXPECT_TRUE(output.flush(kLong));
    EXPECT_FALSE(output.wants_pause());
    pipe.close_writer();
    reader.join();
}

TEST(Output, PollsADescriptorThatSomebodyMadeNonBlocking) {
    Pipe pipe(4096);
    pipe.fill();
    fcntl(pipe.writer(), F_SETFL, O_NONBLOCK);
    Output output(pipe.writer());
    Source source(output);
    output.write(source, "patient\n");
    const auto cpu_ns = [] { return std::stoull("0" + of_writer_thread("schedstat", "")); };
    wait_until_writer_sleeps();
    const auto before = cpu_ns();
    EXPECT_FALSE(output.flush(50ms));
    EXPECT_LT(cpu_ns() - before, 25'000'000u) << "the writer thread spins";
    EXPECT_TRUE(pipe.read_until("patient\n").ends_with("#patient\n"));
    EXPECT_TRUE(output.flush(kLong));
}

TEST(Output, CountsLinesForAReaderThatIsGoneAndSaysNothing) {
    Pipe pipe;
    pipe.close_reader();
    Output output(pipe.writer());
    Source source(output);
    output.write(source, "a\nb\n", 2);
    EXPECT_TRUE(output.flush(kLong));
    output.write(source, "c\n");
    EXPECT_TRUE(output.flush(kLong));
    EXPECT_EQ(output.stats().failed_lines, 3u);
    EXPECT_EQ(output.stats().bytes, 0u);
}

TEST(Output, SurvivesAReaderThatLeavesDuringAWrite) {
    Pipe pipe(4096);
    pipe.fill();
    Output output(pipe.writer());
    Source source(output);
    output.write(source, "a\nb\n", 2);
    wait_until_writer_sleeps();
    pipe.close_reader();
    EXPECT_TRUE(output.flush(kLong));
    EXPECT_EQ(output.stats().failed_lines, 2u);
}

TEST(Output, CountsLinesForAClosedDescriptor) {
    Output output(-1);
    Source source(output);
    output.write(source, "a\n");
    EXPECT_TRUE(output.flush(kLong));
    EXPECT_EQ(output.stats().failed_lines, 1u);
    EXPECT_EQ(source.source.lost_lines(), 1u);
}

TEST(Output, FlushAndDestructionDoNotWaitForAReaderThatStopped) {
    const Pipe pipe(4096);
    pipe.fill();
    const auto start = std::chrono::steady_clock::now();
    {
        // The thread may hold this one beyond the test, so nobody closes it.
        Output output(dup(pipe.writer()));
        Source source(output);
        output.write(source, "stuck\n");
        wait_until_writer_sleeps();
        EXPECT_FALSE(output.flush(20ms));
        EXPECT_EQ(output.stats().queued_bytes, 6u);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, 20s);
}

TEST(Output, FlushReturnsAtOnceWhenNothingIsQueued) {
    const Pipe pipe;
    Output output(pipe.writer());
    EXPECT_TRUE(output.flush(0ns));
    EXPECT_FALSE(output.stats().has_thread);
}

TEST(Output, WriterThreadTakesNoSignal) {
    Pipe pipe(4096);
    pipe.fill();
    Output output(pipe.writer());
    Source source(output);
    output.write(source, "a\n");
    wait_until_writer_sleeps();
    const auto blocked = std::stoull(of_writer_thread("status", "SigBlk:\t"), nullptr, 16);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGPIPE, SIGUSR1, SIGTTOU, 34, 64}) {
        EXPECT_TRUE(blocked >> (number - 1) & 1) << "signal " << number;
    }
    sigset_t here;
    pthread_sigmask(SIG_SETMASK, nullptr, &here);
    EXPECT_FALSE(sigismember(&here, SIGTERM)) << "the caller's own mask must come back";
    release_writer(pipe, output);
}

TEST(Output, FlushWritesByItselfWhereThereCanBeNoThread) {
    const tests::TempDir dir;
    const std::string path = dir.path() + "/log";
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    {
        Output output(fd, {.may_start_thread = false});
        Source source(output);
        for (int i = 0; i < 1000; ++i) output.write(source, numbered(i));
        EXPECT_TRUE(output.flush(kLong));
        EXPECT_FALSE(output.stats().has_thread);
    }
    close(fd);
    EXPECT_EQ(split_lines(tests::read_file(path)).size(), 1000u);
}

TEST(Output, WithoutAThreadTheNextLineTakesTheWaitingOnesAlong) {
    const Pipe pipe(4096);
    pipe.fill();
    Output output(pipe.writer(), {.may_start_thread = false});
    Source source(output);
    output.write(source, "first\n");
    EXPECT_FALSE(output.flush(1ms));
    pipe.take();
    output.write(source, "second\n");
    if (output.stats().queued_bytes > 0) GTEST_SKIP() << "this kernel's pipes lack RWF_NOWAIT";
    EXPECT_EQ(pipe.take(), "first\nsecond\n");
}

TEST(Output, ALineLargerThanPipeAndRingIsCutNotJoinedToTheNext) {
    Pipe pipe(4096);
    std::string text;
    {
        Output output(pipe.writer(), {.capacity_bytes = 4096});
        Source source(output);
        output.write(source, std::string(20000, 'x') + "\n" + "next\n", 2);
        std::thread reader([&] { text = pipe.read_all(); });
        EXPECT_TRUE(output.flush(kLong));
        output.write(source, "last\n");
        EXPECT_TRUE(output.flush(kLong));
        pipe.close_writer();
        reader.join();
    }
    for (const std::string& line : split_lines(text)) {
        EXPECT_TRUE(line.find_first_not_of('x') == line.npos || line == "next" || line == "last" ||
                    line.starts_with("lost "))
            << line;
    }
    EXPECT_TRUE(text.ends_with("last\n"));
}

TEST(Output, LinesOfManyThreadsStayWholeAndInOrder) {
    constexpr int kThreads = 4;
    constexpr int kBatches = 2000;
    Pipe pipe(4096);
    std::string text;
    {
        Output output(pipe.writer(), {.capacity_bytes = 64 << 20});
        std::thread reader([&] { text = pipe.read_all(); });
        std::vector<std::thread> writers;
        for (int t = 0; t < kThreads; ++t) {
            writers.emplace_back([&output, t] {
                Source source(output);
                for (int i = 0; i < kBatches; ++i) {
                    const std::string name = std::to_string(t) + " " + std::to_string(i);
                    const std::string fill(static_cast<std::size_t>(i % 97), 'x');
                    output.write(source, name + " a" + fill + "\n" + name + " b" + fill + "\n", 2);
                }
                EXPECT_EQ(source.source.lost_lines(), 0u);
            });
        }
        for (std::thread& writer : writers) writer.join();
        EXPECT_TRUE(output.flush(kLong));
        pipe.close_writer();
        reader.join();
    }
    const std::vector<std::string> lines = split_lines(text);
    ASSERT_EQ(lines.size(), 2u * kThreads * kBatches);
    int next[kThreads] = {};
    for (std::size_t i = 0; i < lines.size(); i += 2) {
        const int thread = lines[i][0] - '0';
        ASSERT_TRUE(thread >= 0 && thread < kThreads) << lines[i];
        const int number = next[thread]++;
        const std::string name = std::to_string(thread) + " " + std::to_string(number);
        const std::string fill(static_cast<std::size_t>(number % 97), 'x');
        ASSERT_EQ(lines[i], name + " a" + fill);
        ASSERT_EQ(lines[i + 1], name + " b" + fill) << "a batch was split";
    }
}

TEST(SameDestination, KnowsTwoNamesOfOnePipe) {
    const Pipe pipe;
    const Pipe other;
    const int twin = dup(pipe.writer());
    EXPECT_TRUE(same_destination(pipe.writer(), twin));
    EXPECT_FALSE(same_destination(pipe.writer(), other.writer()));
    close(twin);
    EXPECT_FALSE(same_destination(pipe.writer(), twin));
}

}  // namespace
}  // namespace pilotfish::daemon
