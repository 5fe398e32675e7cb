#include "daemon/client_follow.h"

#include <gtest/gtest.h>

namespace pilotfish::daemon {
namespace {

constexpr std::string_view kLine =
    R"({"cursor":7,"time":"2026-11-23T12:00:00.000Z","stream":"stdout","line":"hello"})";

TEST(LineCutter, GivesLinesOnceTheyHaveEnded) {
    LineCutter cutter;
    std::vector<std::string> lines;
    const auto take = [&](std::string_view line) {
        lines.emplace_back(line);
        return true;
    };
    cutter.feed("one\ntw", take);
    EXPECT_EQ(lines, std::vector<std::string>{"one"});
    cutter.feed("o\n\nthree", take);
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "two", ""}));
    EXPECT_FALSE(cutter.feed("\n", [](std::string_view) { return false; }));
}

TEST(LogText, IsTheLineBehindItsWorker) {
    EXPECT_EQ(log_text(kLine, "", false), "hello\n");
    EXPECT_EQ(log_text(kLine, "web | ", false), "web | hello\n");
    EXPECT_EQ(log_text("garbage", "", false), "");
}

TEST(LogText, TellsOfGaps) {
    EXPECT_EQ(log_text(R"({"gap":3})", "web | ", false), "web | (3 lines are lost here)\n");
}

TEST(LogText, DoesNotObeyEscapesOnATerminalAndKeepsThemElsewhere) {
    const std::string_view record = R"({"cursor":1,"line":"a\u001b[2Jb\tc"})";
    EXPECT_EQ(log_text(record, "", true), "a?[2Jb\tc\n");
    EXPECT_EQ(log_text(record, "", false), "a\x1b[2Jb\tc\n");
}

TEST(EventText, IsALineForPeopleOrTheJsonItself) {
    const std::string_view data =
        R"({"id":3,"time":"2026-11-23T12:00:00.000Z","kind":"oom","worker":"web","text":"web: gone"})";
    EXPECT_EQ(event_text("oom", data, false), "2026-11-23T12:00:00.000Z  oom       web: gone\n");
    EXPECT_EQ(event_text("oom", data, true), std::string(data) + "\n");
    EXPECT_EQ(event_text("gap", R"({"missed":12})", false), "(12 events are forgotten)\n");
    EXPECT_EQ(event_text("oom", "garbage", false), "");
}

}  // namespace
}  // namespace pilotfish::daemon
