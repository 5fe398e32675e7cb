#include "daemon/log_file.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <thread>

#include "daemon/log_stream.h"
#include "tests/core/log_lines.h"
#include "tests/daemon/faulty_files.h"
#include "tests/daemon/pipe.h"
#include "tests/support/test_support.h"

namespace pilotfish::daemon {
namespace {

using namespace std::chrono_literals;
using tests::FaultyFiles;
using tests::read_file;

constexpr auto kLong = 60s;  // a limit for a broken build, never waited out

class LogFiles : public testing::Test {
  protected:
    const tests::TempDir dir_;
    const std::string path_ = dir_.path() + "/web.log";
    FaultyFiles calls_;
};

TEST_F(LogFiles, GetTheLinesOfBothStreamsWhole) {
    const auto file =
        std::make_shared<LogFile>("web", RotationOptions{.path = path_}, LogFileOptions{}, calls_);
    LogStream out(file, "web", OutputKind::standard_output, nullptr);
    LogStream errors(file, "web", OutputKind::standard_error, nullptr);
    out.feed("half of ");
    errors.feed("an error\n");
    out.feed("a line\r\n");
    out.feed(std::string("NUL \0 and no end", 16));
    out.end();
    ASSERT_TRUE(file->flush(kLong));
    EXPECT_EQ(read_file(path_), std::string("an error\nhalf of a line\r\nNUL \0 and no end\n", 42));
    EXPECT_EQ(out.lines(), 2u);
    EXPECT_EQ(errors.lines(), 1u);
    EXPECT_EQ(file->lost_lines(), 0u);
}

TEST_F(LogFiles, AreMadeBeforeTheFirstLine) {
    LogFile file("web", {.path = path_}, {}, calls_);
    file.begin();
    ASSERT_TRUE(file.flush(kLong));
    EXPECT_EQ(read_file(path_), "");
}

TEST_F(LogFiles, OnAFullDiskLoseWholeLinesAndTellHowMany) {
    LogFile file("web", {.path = path_}, {.capacity_bytes = 4096, .retry = 1ms}, calls_);
    calls_.fail_writes = ENOSPC;
    std::uint64_t written = 0;
    while (file.lost_lines() < 100) {
        file.write("line " + std::to_string(written) + "\n", 1);
        ++written;
    }
    EXPECT_FALSE(file.flush(kLong)) << "it says so at once";
    calls_.fail_writes = 0;
    // Until it was tried again.
    while (!file.flush(kLong)) std::this_thread::yield();
    file.write("room again\n", 1);
    ASSERT_TRUE(file.flush(kLong));
    const std::vector<std::string> lines = tests::split_lines(read_file(path_));
    const std::uint64_t lost = file.lost_lines();
    ASSERT_EQ(lines.size(), written - lost + 2);
    for (std::size_t i = 0; i + 2 < lines.size(); ++i)
        EXPECT_EQ(lines[i], "line " + std::to_string(i));
    EXPECT_EQ(lines[lines.size() - 2], "web | pilotfish: " + std::to_string(lost) +
                                           " lines lost: the disk was full or slow");
    EXPECT_EQ(lines.back(), "room again");
}

TEST_F(LogFiles, TellOfTroubleOnceAndOfItsEnd) {
    core::LogLines log;
    LogFile file("web", {.path = path_}, {.retry = 1ms}, calls_);
    calls_.fail_opens = EROFS;
    file.write("one\n", 1);
    while (calls_.refused < 5) std::this_thread::yield();
    calls_.fail_opens = 0;
    while (!file.flush(kLong)) std::this_thread::yield();
    EXPECT_EQ(read_file(path_), "one\n");
    const std::vector<std::string> said = log.of("web: ");
    ASSERT_EQ(said.size(), 2u);
    EXPECT_NE(said[0].find("Read-only file system"), std::string::npos) << said[0];
    EXPECT_NE(said[1].find("can be written again"), std::string::npos) << said[1];
}

TEST_F(LogFiles, LetTheirThreadGoAndBeginAnother) {
    LogFile file("web", {.path = path_}, {.keep_thread = 0ms}, calls_);
    for (int i = 0; i < 50; ++i) {
        file.write("line\n", 1);
        ASSERT_TRUE(file.flush(kLong));
    }
    EXPECT_EQ(tests::split_lines(read_file(path_)).size(), 50u);
}

TEST_F(LogFiles, RotateUnderManyWritersWithoutALoss) {
    {
        LogFile file("web", {.path = path_, .max_bytes = 4096, .max_files = 1000}, {}, calls_);
        std::vector<std::thread> writers;
        for (int writer = 0; writer < 4; ++writer) {
            writers.emplace_back([&file] {
                for (int i = 0; i < 2000; ++i) file.write("a line of twenty-four b\n", 1);
            });
        }
        for (std::thread& writer : writers) writer.join();
        ASSERT_TRUE(file.flush(kLong));
        EXPECT_EQ(file.lost_lines(), 0u);
    }
    std::size_t lines = tests::split_lines(read_file(path_)).size();
    for (int number = 1; access((path_ + "." + std::to_string(number)).c_str(), F_OK) == 0;
         ++number)
        lines += tests::split_lines(read_file(path_ + "." + std::to_string(number))).size();
    EXPECT_EQ(lines, 8000u);
}

}  // namespace
}  // namespace pilotfish::daemon
