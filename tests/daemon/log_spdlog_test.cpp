#include "daemon/log_spdlog.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/daemon/pipe.h"

namespace pilotfish::daemon {
namespace {

using namespace std::chrono_literals;
using tests::Pipe;

// The sink as the daemon installs it, taken away at the end of the test.
struct Installed {
    explicit Installed(Output& output, OwnStyle style) : sink(output, style) {
        core::set_log_sink(&sink);
    }
    ~Installed() {
        core::set_log_sink(nullptr);
        core::set_log_level(core::LogLevel::info);
    }
    SpdlogSink sink;
};

// The same text with each digit as 9: the shape of a time.
std::string shape(std::string text) {
    for (char& byte : text) {
        if (byte >= '0' && byte <= '9') byte = '9';
    }
    return text;
}

TEST(SpdlogSink, WritesTextWithTimeLevelAndChannel) {
    const Pipe pipe;
    Output output(pipe.writer());
    const Installed installed(output, OwnStyle::text);
    core::log(core::LogLevel::info, "daemon", "web is ready");
    core::log(core::LogLevel::error, "cgroup", "cannot {} a brace");
    ASSERT_TRUE(output.flush(60s));
    EXPECT_EQ(shape(pipe.take()),
              "9999-99-99T99:99:99.999Z info  [daemon] web is ready\n"
              "9999-99-99T99:99:99.999Z error [cgroup] cannot {} a brace\n");
    EXPECT_EQ(installed.sink.lines(), 2u);
    EXPECT_EQ(installed.sink.lost_lines(), 0u);
}

TEST(SpdlogSink, WritesNothingAfterTheLastLine) {
    const Pipe pipe;
    Output output(pipe.writer());
    Installed installed(output, OwnStyle::text);
    core::log(core::LogLevel::info, "daemon", "web is ready");
    installed.sink.write_last(core::LogLevel::warn, "daemon", "web ended");
    core::log(core::LogLevel::error, "cgroup", "too late");
    ASSERT_TRUE(output.flush(60s));
    EXPECT_EQ(shape(pipe.take()),
              "9999-99-99T99:99:99.999Z info  [daemon] web is ready\n"
              "9999-99-99T99:99:99.999Z warn  [daemon] web ended\n");
}

TEST(SpdlogSink, WritesJson) {
    const Pipe pipe;
    Output output(pipe.writer());
    const Installed installed(output, OwnStyle::json);
    core::log(core::LogLevel::warn, "http", "a \"quoted\" word");
    ASSERT_TRUE(output.flush(60s));
    EXPECT_EQ(shape(pipe.take()),
              "{\"time\":\"9999-99-99T99:99:99.999Z\",\"level\":\"warn\",\"channel\":\"http\","
              "\"message\":\"a \\\"quoted\\\" word\"}\n");
}

TEST(SpdlogSink, FollowsTheLevel) {
    const Pipe pipe;
    Output output(pipe.writer());
    const Installed installed(output, OwnStyle::text);
    core::log(core::LogLevel::debug, "daemon", "hidden");
    core::set_log_level(core::LogLevel::debug);
    core::log(core::LogLevel::debug, "daemon", "shown");
    core::set_log_level(core::LogLevel::off);
    core::log(core::LogLevel::error, "daemon", "hidden");
    ASSERT_TRUE(output.flush(60s));
    EXPECT_TRUE(pipe.take().ends_with("Z debug [daemon] shown\n"));
    EXPECT_EQ(installed.sink.lines(), 1u);
}

TEST(SpdlogSink, TellsOfItsOwnLosses) {
    Pipe pipe(4096);
    pipe.fill();
    Output output(pipe.writer(), {.capacity_bytes = 4096});
    const Installed installed(output, OwnStyle::text);
    while (installed.sink.lost_lines() == 0) core::log(core::LogLevel::info, "daemon", "a line");
    const std::string told = "warn  [daemon] 1 line of this log lost: its reader is too slow\n";
    EXPECT_TRUE(pipe.read_until(told).ends_with(told));
    EXPECT_TRUE(output.flush(60s));
}

TEST(SpdlogSink, KeepsLinesOfManyThreadsWhole) {
    const Pipe pipe;
    Output output(pipe.writer());
    const Installed installed(output, OwnStyle::text);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([] {
            for (int line = 0; line < 100; ++line) core::log(core::LogLevel::info, "core", "same");
        });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_TRUE(output.flush(60s));
    const std::vector<std::string> lines = tests::split_lines(pipe.take());
    ASSERT_EQ(lines.size(), 400u);
    for (const std::string& line : lines) {
        ASSERT_EQ(shape(line), "9999-99-99T99:99:99.999Z info  [core] same");
    }
}

}  // namespace
}  // namespace pilotfish::daemon
