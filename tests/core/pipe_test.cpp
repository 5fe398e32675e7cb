#include "core/pipe.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <fstream>
#include <optional>
#include <string>

#include "core/sleep.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class PipeOf : public LeakFree {};

Pipe some_pipe() {
    Result<Pipe> pipe = make_pipe();
    PF_CHECK(pipe.ok(), "a pipe");
    return std::move(*pipe);
}

Task<std::string> read_all(ReadEnd& end) {
    std::string text;
    char buffer[5000];
    for (;;) {
        const Result<std::size_t> got = co_await end.read_some(buffer);
        if (!got) co_return text + "! " + got.error().message;
        if (*got == 0) co_return text;
        text.append(buffer, *got);
    }
}

Task<> writes_and_closes(WriteEnd& end, const std::string& text) {
    const Result<void> written = co_await end.write_all(text);
    EXPECT_TRUE(written.ok());
    end.close();
}

Task<int> moves_much() {
    Pipe pipe = some_pipe();
    std::string text(1 << 20, '\0');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 40503u >> 7);
    JoinHandle<> writer = spawn(writes_and_closes(pipe.writer, text));
    const std::string got = co_await read_all(pipe.reader);
    co_await writer;
    EXPECT_TRUE(got == text);
    co_return 0;
}

TEST_F(PipeOf, MovesMoreThanItHolds) {
    for (const int processors : {1, 2}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(moves_much()), 0);
    }
}

Task<int> last_words() {
    for (int round = 0; round < 50; ++round) {
        Pipe pipe = some_pipe();
        (void)co_await pipe.writer.write_all("last words");
        pipe.writer.close();
        if (round % 2 == 0) co_await sleep_for(1ms);  // one edge tells of both
        const std::string text = co_await read_all(pipe.reader);
        EXPECT_EQ(text, "last words");
    }
    co_return 0;
}

TEST_F(PipeOf, ShortReadDoesNotHideTheEndBehindIt) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(last_words()), 0);
}

Task<> answers(ReadEnd& from, WriteEnd& to, int rounds) {
    char buffer[64];
    for (int i = 0; i < rounds; ++i) {
        const Result<std::size_t> got = co_await from.read_some(buffer);
        EXPECT_TRUE(got && *got > 0);
        (void)co_await to.write_all({buffer, *got});
    }
}

Task<int> ping_pong() {
    Pipe there = some_pipe();
    Pipe back = some_pipe();
    const int rounds = 20000 / kSlowdown;
    JoinHandle<> server = spawn(answers(there.reader, back.writer, rounds));
    char buffer[64];
    for (int i = 0; i < rounds; ++i) {
        (void)co_await there.writer.write_all("ping");
        const Result<std::size_t> got = co_await back.reader.read_some(buffer);
        EXPECT_EQ(*got, 4u);
    }
    co_await server;
    co_return 0;
}

TEST_F(PipeOf, NoMessageIsMissedByReadsThatDidNotAsk) {
    for (const int processors : {1, 2}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(ping_pong()), 0);
    }
}

// Calls of read(2) by this process so far; nullopt: this kernel does not count them.
std::optional<std::uint64_t> reads_so_far() {
    std::ifstream io("/proc/self/io");
    std::string name;
    std::uint64_t count = 0;
    while (io >> name >> count)
        if (name == "syscr:") return count;
    return std::nullopt;
}

TEST_F(PipeOf, MessageCostsOneRead) {
    const std::optional<std::uint64_t> before = reads_so_far();
    if (!before) GTEST_SKIP() << "/proc/self/io is not there";
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(ping_pong()), 0);
    const std::uint64_t messages = 2 * 20000 / kSlowdown;
    const std::uint64_t reads = *reads_so_far() - *before;
    EXPECT_GE(reads, messages);
    EXPECT_LT(reads, messages + messages / 20) << "a read that says EAGAIN is to be saved";
}

Task<int> has_no_reader() {
    Pipe pipe = some_pipe();
    pipe.reader.close();
    const Result<void> written = co_await pipe.writer.write_all("x");
    EXPECT_EQ(written.error().system_errno, EPIPE);
    EXPECT_EQ(written.error().message, "cannot write to a pipe: Broken pipe");
    co_return 0;
}

// In a process of its own: the disposition of SIGPIPE is the whole process's.
int write_without_reader(void (*disposition)(int)) {
    const pid_t child = fork();
    if (child == 0) {
        ::signal(SIGPIPE, disposition);
        int code = 1;
        {
            Runtime runtime({.processors = 1});
            code = runtime.run(has_no_reader());
        }
        struct sigaction now{};
        ::sigaction(SIGPIPE, nullptr, &now);
        if (disposition == SIG_IGN && now.sa_handler != SIG_IGN) code = 2;
        _exit(code);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
}

TEST_F(PipeOf, BrokenPipeIsAnErrorAndNoSignal) {
    EXPECT_EQ(write_without_reader(SIG_DFL), 0);
    EXPECT_EQ(write_without_reader(SIG_IGN), 0) << "what the program chose stays";
}

Task<int> deadline_passes(ManualClock& clock) {
    Pipe pipe = some_pipe();
    char buffer[8];
    const Result<std::size_t> late = co_await pipe.reader.read_some(buffer, clock.now());
    EXPECT_TRUE(late.error().timed_out());
    EXPECT_EQ(late.error().message, "cannot read from a pipe: timed out");
    const std::string block(1 << 20, 'x');
    const Result<void> full = co_await pipe.writer.write_all(block, clock.now());
    EXPECT_TRUE(full.error().timed_out());
    co_return 0;
}

TEST_F(PipeOf, DeadlineEndsBothDirections) {
    ManualClock clock;
    Runtime runtime({.processors = 1, .clock = &clock});
    EXPECT_EQ(runtime.run(deadline_passes(clock)), 0);
}

// Packets: a read stops at the end of one, with more behind it that has been told of.
Task<int> packets() {
    int ends[2];
    PF_CHECK(pipe2(ends, O_DIRECT | O_CLOEXEC) == 0, "pipe2");
    Result<ReadEnd> reader = ReadEnd::adopt(ends[0]);
    Result<WriteEnd> writer = WriteEnd::adopt(ends[1]);
    (void)co_await writer->write_all("one");
    (void)co_await writer->write_all("two");
    co_await sleep_for(1ms);
    char buffer[64];
    for (const std::string_view expected : {"one", "two"}) {
        const Result<std::size_t> got = co_await reader->read_some(buffer);
        EXPECT_EQ(std::string_view(buffer, *got), expected);
    }
    co_return 0;
}

TEST_F(PipeOf, AdoptedPipeMayBeInPacketMode) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(packets()), 0);
}

Task<int> adopts_and_releases() {
    const Result<ReadEnd> file = ReadEnd::adopt(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    EXPECT_FALSE(file.ok());
    const Result<WriteEnd> none = WriteEnd::adopt(-1);
    EXPECT_EQ(none.error().system_errno, EBADF);
    Pipe pipe = some_pipe();
    const OwnedFd plain = pipe.writer.release();
    EXPECT_FALSE(pipe.writer.is_open());
    EXPECT_EQ(::fcntl(plain.get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_EQ(::write(plain.get(), "x", 1), 1);
    char byte = 0;
    const Result<std::size_t> got = co_await pipe.reader.read_some({&byte, 1});
    EXPECT_EQ(*got, 1u);
    co_return 0;
}

TEST_F(PipeOf, EndsAreTakenOverAndGivenAway) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(adopts_and_releases()), 0);
}

}  // namespace
}  // namespace pilotfish::core
