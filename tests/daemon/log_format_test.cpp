#include "daemon/log_format.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

namespace pilotfish::daemon {
namespace {

using namespace std::chrono;

constexpr WallTime kNoon = sys_days{year{2026} / 11 / 23} + 12h + 123ms;

std::string time_text(WallTime time) {
    std::string out;
    append_time(out, time);
    return out;
}

std::string json(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

std::string line_text(LineStyle style, const Line& line) {
    std::string out;
    const LineFormat format(style, "web", "stdout");
    format.append(out, line, format.head(kNoon));
    return out;
}

std::string own(OwnStyle style, core::LogLevel level, std::string_view message) {
    std::string out;
    append_own_line(out, style, kNoon, level, "daemon", message);
    return out;
}

TEST(LogTime, IsUtcWithMilliseconds) {
    EXPECT_EQ(time_text(kNoon), "2026-11-23T12:00:00.123Z");
    EXPECT_EQ(time_text(WallTime{}), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(time_text(sys_days{year{2024} / 2 / 29} + 23h + 59min + 59s + 999ms),
              "2024-02-29T23:59:59.999Z");
}

TEST(LogTime, RoundsDownBeforeTheEpochToo) {
    EXPECT_EQ(time_text(WallTime{} - 1us), "1969-12-31T23:59:59.999Z");
}

TEST(JsonString, EscapesWhatJsonForbids) {
    EXPECT_EQ(json("plain text, longer than one block of the vector loop"),
              "plain text, longer than one block of the vector loop");
    EXPECT_EQ(json("\"\\/\n\r\t\x1b\x7f"), "\\\"\\\\/\\n\\r\\t\\u001b\x7f");
    EXPECT_EQ(json(std::string_view("a\0b", 3)), "a\\u0000b");
    EXPECT_EQ(json("0123456789abcdef\""), "0123456789abcdef\\\"");
}

TEST(JsonString, PassesWellFormedUtf8) {
    const std::string_view text = "\u00e9 \u20ac \uffff \U0001F41F \U0010FFFF \ud7ff \ue000";
    EXPECT_EQ(json(text), text);
}

struct Broken {
    std::string_view bytes;
    std::string_view repaired;
};

// R stands for U+FFFD; the cases are those of Unicode 15, tables 3-8 to 3-11.
class BrokenUtf8 : public testing::TestWithParam<Broken> {};

TEST_P(BrokenUtf8, BecomesOneReplacementForEachMaximalPart) {
    std::string repaired = json(GetParam().bytes);
    for (std::size_t at; (at = repaired.find("\xEF\xBF\xBD")) != repaired.npos;) {
        repaired.replace(at, 3, "R");
    }
    EXPECT_EQ(repaired, GetParam().repaired);
}

INSTANTIATE_TEST_SUITE_P(
    LogFormat, BrokenUtf8,
    testing::Values(Broken{"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", "RRRRRRRRA"},
                    Broken{"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", "RRRRRRRRA"},
                    Broken{"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", "RRRRRARRB"},
                    Broken{"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", "RRRRA"},
                    Broken{"ends within \xE2\x82", "ends within R"}, Broken{"\xC3", "R"}));

TEST(LineFormat, PrefixesTheWorkersName) {
    EXPECT_EQ(line_text(LineStyle::prefix, {"ready"}), "web | ready\n");
    EXPECT_EQ(line_text(LineStyle::prefix, {""}), "web | \n");
    EXPECT_EQ(line_text(LineStyle::prefix, {"head", false, true}), "web | head\n");
    EXPECT_EQ(line_text(LineStyle::prefix, {"rest", true, false}), "web + rest\n");
}

TEST(LineFormat, PassesAPrefixedLinesBytesButForNul) {
    EXPECT_EQ(line_text(LineStyle::prefix, {std::string_view("a\0\xFF\x1b[1m\0", 8)}),
              "web | a\xEF\xBF\xBD\xFF\x1b[1m\xEF\xBF\xBD\n");
}

TEST(LineFormat, MakesOneJsonObjectALine) {
    EXPECT_EQ(line_text(LineStyle::json, {"say \"hi\""}),
              "{\"time\":\"2026-11-23T12:00:00.123Z\",\"worker\":\"web\",\"stream\":\"stdout\","
              "\"line\":\"say \\\"hi\\\"\"}\n");
    EXPECT_EQ(line_text(LineStyle::json, {"head", false, true}),
              "{\"time\":\"2026-11-23T12:00:00.123Z\",\"worker\":\"web\",\"stream\":\"stdout\","
              "\"partial\":true,\"line\":\"head\"}\n");
}

TEST(LineFormat, KeepsALineOfJsonAString) {
    EXPECT_NE(line_text(LineStyle::json, {"{\"worker\":\"forged\"}"})
                  .find("\"line\":\"{\\\"worker\\\":\\\"forged\\\"}\""),
              std::string::npos);
}

TEST(LineFormat, TellsOfLostLinesInItsOwnStyle) {
    std::string out;
    LineFormat(LineStyle::prefix, "web@1", "stdout").append_loss(out, 1, kNoon);
    EXPECT_EQ(out, "web@1 | pilotfish: 1 line lost: the reader of this log is too slow\n");
    out.clear();
    LineFormat(LineStyle::json, "web", "stderr").append_loss(out, 12345, kNoon);
    EXPECT_EQ(out,
              "{\"time\":\"2026-11-23T12:00:00.123Z\",\"worker\":\"web\",\"stream\":\"stderr\","
              "\"lost_lines\":12345}\n");
}

TEST(OwnLine, AlignsLevelsInText) {
    using enum core::LogLevel;
    EXPECT_EQ(own(OwnStyle::text, info, "web is ready"),
              "2026-11-23T12:00:00.123Z info  [daemon] web is ready\n");
    EXPECT_EQ(own(OwnStyle::text, error, "no"), "2026-11-23T12:00:00.123Z error [daemon] no\n");
    EXPECT_EQ(own(OwnStyle::text, warn, "no"), "2026-11-23T12:00:00.123Z warn  [daemon] no\n");
    EXPECT_EQ(own(OwnStyle::text, debug, "no"), "2026-11-23T12:00:00.123Z debug [daemon] no\n");
}

TEST(OwnLine, ColoursTheLevelAlone) {
    EXPECT_EQ(own(OwnStyle::coloured_text, core::LogLevel::error, "no"),
              "2026-11-23T12:00:00.123Z \x1b[31merror\x1b[0m [daemon] no\n");
}

TEST(OwnLine, CannotBeForgedFromWithin) {
    EXPECT_EQ(own(OwnStyle::text, core::LogLevel::info, "a\nb\x1b[2J\tc\x7f\u00e9"),
              "2026-11-23T12:00:00.123Z info  [daemon] a\\nb\\x1b[2J\tc\\x7f\u00e9\n");
    EXPECT_EQ(own(OwnStyle::json, core::LogLevel::warn, "a\n\"b\""),
              "{\"time\":\"2026-11-23T12:00:00.123Z\",\"level\":\"warn\",\"channel\":\"daemon\","
              "\"message\":\"a\\n\\\"b\\\"\"}\n");
}

TEST(OwnLine, IsColouredOnATerminalUnlessRefused) {
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0) GTEST_SKIP() << "no pseudo-terminals here";
    unsetenv("NO_COLOR");
    setenv("TERM", "xterm", 1);
    EXPECT_TRUE(wants_colour(master));
    setenv("NO_COLOR", "1", 1);
    EXPECT_FALSE(wants_colour(master));
    unsetenv("NO_COLOR");
    setenv("TERM", "dumb", 1);
    EXPECT_FALSE(wants_colour(master));
    close(master);
    unsetenv("TERM");
    EXPECT_FALSE(wants_colour(-1));
}

}  // namespace
}  // namespace pilotfish::daemon
