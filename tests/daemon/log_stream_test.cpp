#include "daemon/log_stream.h"

#include <gtest/gtest.h>

#include "tests/daemon/pipe.h"

namespace pilotfish::daemon {
namespace {

using namespace std::chrono_literals;
using tests::Pipe;

TEST(LogStream, PrefixesLinesAcrossReads) {
    const Pipe pipe;
    Output output(pipe.writer());
    LogStream stream(output, LineStyle::prefix, "web", OutputKind::standard_output);
    stream.feed("one\ntw");
    stream.feed("o\r\nthree");
    stream.end();
    ASSERT_TRUE(output.flush(60s));
    EXPECT_EQ(pipe.take(), "web | one\nweb | two\nweb | three\n");
    EXPECT_EQ(stream.lines(), 3u);
    EXPECT_EQ(stream.lost_lines(), 0u);
}

TEST(LogStream, ReadsWhatAWorkersPipeHolds) {
    const Pipe from;
    const Pipe to;
    fcntl(from.reader(), F_SETFL, O_NONBLOCK);
    Output output(to.writer());
    LogStream stream(output, LineStyle::prefix, "web", OutputKind::standard_output);
    EXPECT_EQ(stream.read_from(from.reader()), -1);
    EXPECT_EQ(errno, EAGAIN);
    ASSERT_EQ(write(from.writer(), "one\n", 4), 4);
    EXPECT_EQ(stream.read_from(from.reader()), 4);
    ASSERT_TRUE(output.flush(60s));
    EXPECT_EQ(to.take(), "web | one\n");
}

TEST(LogStream, PassesRawBytesAsTheyCome) {
    const Pipe pipe;
    Output output(pipe.writer());
    LogStream stream(output, LineStyle::raw, "web", OutputKind::standard_output);
    stream.feed("no end");
    stream.feed(std::string_view("\r\n\0x", 4));
    stream.end();
    ASSERT_TRUE(output.flush(60s));
    EXPECT_EQ(pipe.take(), std::string("no end\r\n\0x", 10));
}

TEST(LogStream, GivesJsonForEveryByte) {
    const Pipe pipe;
    Output output(pipe.writer());
    LogStream stream(output, LineStyle::json, "web", OutputKind::standard_error);
    stream.feed("half of \xC3");
    stream.feed("\xA9\n");
    ASSERT_TRUE(output.flush(60s));
    const std::string text = pipe.take();
    EXPECT_TRUE(
        text.ends_with("\"worker\":\"web\",\"stream\":\"stderr\",\"line\":\"half of \u00e9\"}\n"))
        << text;
}

TEST(LogStream, CutsALongLineWithAMark) {
    const Pipe pipe;
    Output output(pipe.writer());
    LogStream stream(output, LineStyle::prefix, "web", OutputKind::standard_output);
    stream.feed(std::string(LineFramer::kMaxTextBytes, 'x') + "rest\n");
    ASSERT_TRUE(output.flush(60s));
    EXPECT_EQ(pipe.take(),
              "web | " + std::string(LineFramer::kMaxTextBytes, 'x') + "\nweb + rest\n");
}

TEST(LogStream, NamesTheWorkerWhoseLinesWereLost) {
    Pipe pipe(4096);
    pipe.fill();
    Output output(pipe.writer(), {.capacity_bytes = 4096});
    LogStream stream(output, LineStyle::prefix, "web", OutputKind::standard_output);
    std::string burst;
    for (int i = 0; i < 1000; ++i) burst += "a line\n";
    stream.feed(burst);
    EXPECT_EQ(stream.lines(), 1000u);
    const std::string told = "web | pilotfish: " + std::to_string(stream.lost_lines()) +
                             " lines lost: the reader of this log is too slow\n";
    const std::string text = pipe.read_until(told);
    EXPECT_TRUE(text.ends_with("web | a line\n" + told));
    EXPECT_TRUE(output.flush(60s));
}

}  // namespace
}  // namespace pilotfish::daemon
