#include "daemon/handover_text.h"

#include <gtest/gtest.h>

namespace pilotfish::daemon {
namespace {

Handover full() {
    Handover handover;
    handover.version = "1.2.3";
    handover.pid = 4242;
    handover.upgrades = 3;
    handover.paused_ns = 123456789012345;
    handover.blocked_signals = {1, 13};
    handover.sigpipe_ignored = true;
    handover.first_start_done = true;
    handover.orphans_reaped = 99;
    WorkerHandover worker;
    worker.name = "web@1";
    worker.settings = {{"PILOTFISH_WORKER_WEB_RESTART", "always"}};
    worker.stop_signal = 2;
    worker.stop_timeout_ns = 5;
    worker.state = "backoff";
    worker.starts = 7;
    worker.started_ns = 1;
    worker.restarts = {{"exit", 4}, {"oom", 2}};
    worker.has_ended = true;
    worker.end_signal = 9;
    worker.end_reason = "signal";
    worker.end_text = "was killed by SIGKILL";
    worker.next_try_ns = 77;
    worker.restart_reason = "resize";
    worker.restart_series_ns = 1000;
    worker.killed_by_us = true;
    worker.terminal = 0;
    worker.run.pid = 17;
    worker.run.group = 17;
    worker.run.pidfd = 12;
    worker.run.has_child_group = true;
    worker.log.lines = 1000;
    worker.log.streams = {{20, false, std::string("half\0a \xff line", 13), true},
                          {21, true, "", false}};
    handover.workers = {worker, {}};
    handover.over = {"db"};
    handover.ended_critical = "db";
    handover.listeners = {{1, "[::]:9912", 9}};
    handover.event_base = 10;
    handover.event_last = 11;
    handover.events = {
        {"2026-11-23T12:00:00.123Z", "worker", "web@1", "web@1: ready", {{"a", "b"}}}};
    handover.unwritten_out = "queued\n";
    handover.unwritten_err = std::string("\0\n", 2);
    return handover;
}

// The text with one thing changed, its length set right.
std::string changed(const Handover& handover, const std::string& from, const std::string& to) {
    std::string text = handover_text(handover);
    const std::size_t line = text.find('\n');
    const std::size_t space = text.rfind(' ', line);
    const std::size_t length = std::stoul(text.substr(space + 1, line - space - 1));
    const std::size_t at = text.find(from, line);
    if (at == text.npos) throw std::logic_error("nothing to change: " + from);
    text.replace(at, from.size(), to);
    return text.substr(0, space + 1) + std::to_string(length + to.size() - from.size()) +
           text.substr(line);
}

TEST(HandoverText, GivesBackAllOfIt) {
    const Handover before = full();
    const auto read = parse_handover(handover_text(before));
    ASSERT_TRUE(read) << read.error().message;
    // The same text is the same value: every field is in it.
    EXPECT_EQ(handover_text(*read), handover_text(before));
    EXPECT_EQ(read->workers.at(0).log.streams.at(0).partial,
              before.workers.at(0).log.streams.at(0).partial);
    EXPECT_EQ(read->workers.at(0).restarts, before.workers.at(0).restarts);
    EXPECT_EQ(read->workers.at(0).next_try_ns, before.workers.at(0).next_try_ns);
    EXPECT_EQ(read->workers.at(1).next_try_ns, std::nullopt);
    EXPECT_EQ(read->workers.at(1).run.pid, -1);
    EXPECT_EQ(read->unwritten_err, before.unwritten_err);
    EXPECT_EQ(read->events.at(0).fields, before.events.at(0).fields);
}

TEST(HandoverText, NamesEachDescriptorButTheStandardOnes) {
    Handover handover = full();
    handover.workers.at(1).log.streams = {{2, true, "", false}};
    EXPECT_EQ(descriptors_of(handover), (std::vector<int>{12, 20, 21, 9}));
}

TEST(HandoverText, IgnoresWhatALaterReleaseAddsAndDefaultsWhatItLeavesOut) {
    const auto more =
        parse_handover(changed(full(), "\"version\":", "\"moods\":{\"web\":[1,{}]},\"version\":"));
    ASSERT_TRUE(more) << more.error().message;
    EXPECT_EQ(more->version, "1.2.3");
    const auto less = parse_handover("pilotfish state 1 26\n{\"workers\":[{\"name\":\"a\"}]}");
    ASSERT_TRUE(less) << less.error().message;
    EXPECT_EQ(less->workers.at(0).name, "a");
    EXPECT_EQ(less->workers.at(0).stop_signal, 15);
    EXPECT_EQ(less->pid, 0);
}

TEST(HandoverText, RefusesAFormatThatIsTooNew) {
    const auto read = parse_handover("pilotfish state 2 2\n{}");
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().message.find("format 2, this release knows 1"), std::string::npos)
        << read.error().message;
}

TEST(HandoverText, RefusesWhatItDidNotWrite) {
    const std::string good = handover_text(full());
    const std::vector<std::string> wrong = {
        "",
        "pilotfish state ",
        "pilotfish state 1\n{}",
        "pilotfish state 1 3\n{}",
        "pilotfish state 1 18446744073709551617\n{}",
        "pilotfish state -1 2\n{}",
        "pilotfish state 1 2\n[]",
        "pilotfish state 1 7\n{\"pid\":",
        good.substr(0, good.size() - 1),  // a blob that lies behind the end
        changed(full(), "\"pid\":4242", "\"pid\":\"a\""),
        changed(full(), "\"workers\":[", "\"workers\":[3,"),
        changed(full(), "\"state\":\"backoff\"", "\"state\":{}"),
        "pilotfish state 1 43\n{\"unwritten_out\":[1,18446744073709551615]}",
        "pilotfish state 1 60\n{\"x\":" + std::string(27, '[') + std::string(27, ']') + "}"};
    for (const std::string& text : wrong) {
        const auto read = parse_handover(text);
        ASSERT_FALSE(read) << text.substr(0, 60);
        EXPECT_EQ(read.error().message.find("cannot read the state"), 0u) << read.error().message;
    }
}

}  // namespace
}  // namespace pilotfish::daemon
