#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "daemon/output.h"
#include "tests/daemon/pipe.h"

namespace pilotfish::daemon {
namespace {

using namespace std::chrono_literals;
using tests::Pipe;
using tests::Source;
using tests::split_lines;

constexpr auto kLong = std::chrono::seconds(60);  // a limit for a broken build, never waited out

std::string numbered(int number) { return "line " + std::to_string(number) + "\n"; }

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

TEST(OutputHold, WhatIsHeldGoesOutThroughTheNextOneInOrder) {
    Pipe pipe(4096);
    Output before(pipe.writer(), {.may_start_thread = false});
    Source source(before);
    int written = 0;
    while (before.stats().queued_bytes < 1000) before.write(source, numbered(written++));
    const auto held = before.hold(kLong);
    ASSERT_TRUE(held.has_value());
    EXPECT_EQ(held->size(), before.stats().queued_bytes);
    std::string out = pipe.take();
    before.write(source, "late\n");
    EXPECT_EQ(pipe.take(), "") << "nothing is written while it is held";

    Output after(pipe.writer());
    after.preload(*held);
    Source next(after);
    after.write(next, numbered(written++));
    ASSERT_TRUE(after.flush(kLong));
    out += pipe.take();
    std::string expected;
    for (int i = 0; i < written; ++i) expected += numbered(i);
    EXPECT_EQ(out, expected);
    // Had the jump failed, the first would go on where it was.
    before.let_go();
    EXPECT_TRUE(before.flush(kLong));
    EXPECT_EQ(pipe.take(), *held + "late\n");
}

TEST(OutputHold, IsNotHeldWhileALineIsHalfWritten) {
    Pipe pipe(4096);
    Output output(pipe.writer());
    Source source(output);
    int written = 0;
    while (output.stats().queued_bytes < 20000) output.write(source, numbered(written++));
    wait_until_writer_sleeps();
    EXPECT_FALSE(output.hold(20ms).has_value()) << "nobody can say what of it is out";
    std::string out;
    std::thread reader([&] {
        while (out.find(numbered(written - 1)) == out.npos) out += pipe.take();
    });
    EXPECT_TRUE(output.flush(kLong));
    reader.join();
    EXPECT_EQ(split_lines(out).size(), static_cast<std::size_t>(written));
}

}  // namespace
}  // namespace pilotfish::daemon
