#include "config/quantity.h"

#include <gtest/gtest.h>

#include <limits>

namespace pilotfish::config {
namespace {

using namespace std::chrono_literals;

std::string why_of(bool read, const std::string& why) {
    EXPECT_FALSE(read);
    return why;
}

TEST(Size, KnowsPowersOfAThousandAndOf1024) {
    const std::pair<const char*, std::uint64_t> cases[] = {
        {"0", 0},
        {"1", 1},
        {"64k", 64'000},
        {"64Ki", 65'536},
        {"64KiB", 65'536},
        {"3M", 3'000'000},
        {"3Mi", 3'145'728},
        {"3MiB", 3'145'728},
        {"2G", 2'000'000'000},
        {"2Gi", 2'147'483'648},
        {"2GiB", 2'147'483'648},
        {"1.5Gi", 1'610'612'736},
        {"0.5k", 500},
        {"9223372036854775807", 9'223'372'036'854'775'807ULL}};
    for (const auto& [text, bytes] : cases) {
        Bytes value;
        std::string why;
        EXPECT_TRUE(parse_size(text, value, why)) << text << " " << why;
        EXPECT_EQ(value.count, bytes) << text;
    }
}

TEST(Size, RefusesWhatIsNoSizeAndLeavesTheValue) {
    for (const char* text : {"",
                             "k",
                             "-1",
                             "+1",
                             " 1",
                             "1 ",
                             "1K",
                             "1m",
                             "1g",
                             "1KB",
                             "1kB",
                             "1B",
                             "1Ti",
                             "0x10",
                             "1e9",
                             "1.",
                             ".5k",
                             "1..5k",
                             "1.5",
                             "1,5k",
                             "1kk",
                             "9223372036854775808",
                             "99999999999999999999",
                             "8589934592Gi",
                             "1.0000000001k"}) {
        Bytes value{7};
        std::string why;
        EXPECT_FALSE(parse_size(text, value, why)) << text;
        EXPECT_EQ(value.count, 7u) << text;
    }
}

TEST(Size, SaysWhyWhereTheFormAloneDoesNot) {
    Bytes value;
    std::string why;
    EXPECT_EQ(why_of(parse_size("99999999999999999999", value, why), why), "is too large");
    EXPECT_EQ(why_of(parse_size("1.5", value, why = ""), why), "is a fraction of a byte");
}

TEST(Size, IsWrittenAsItIsRead) {
    for (const char* text : {"0", "1", "1023", "64k", "64Ki", "3M", "3Mi", "1G", "1Gi", "1536Mi"}) {
        Bytes value;
        std::string why;
        ASSERT_TRUE(parse_size(text, value, why));
        EXPECT_EQ(format_size(value), text);
    }
}

TEST(DurationText, NeedsAUnitUnlessItIsZero) {
    const std::pair<const char*, Duration> cases[] = {{"0", 0ns},
                                                      {"0s", 0ns},
                                                      {"250ms", 250ms},
                                                      {"10s", 10s},
                                                      {"5m", 5min},
                                                      {"2h", 2h},
                                                      {"7ns", 7ns},
                                                      {"3us", 3us},
                                                      {"1.5s", 1500ms},
                                                      {"1h30m", 90min},
                                                      {"1m30s", 90s},
                                                      {"1s500ms", 1500ms},
                                                      {"0.000000001s", 1ns},
                                                      {"1.5m", 90s}};
    for (const auto& [text, duration] : cases) {
        Duration value = 1ns;
        std::string why;
        EXPECT_TRUE(parse_duration(text, value, why)) << text << " " << why;
        EXPECT_EQ(value, duration) << text;
    }
}

TEST(DurationText, RefusesWhatIsNoDurationAndLeavesTheValue) {
    for (const char* text : {"",
                             "s",
                             "10",
                             "-1s",
                             "+1s",
                             " 1s",
                             "1s ",
                             "1 s",
                             "1S",
                             "1d",
                             "1sec",
                             "1s1h",
                             "1s1s",
                             "1.s",
                             ".5s",
                             "00",
                             "1h30",
                             "9223372037s",
                             "2562048h",
                             "1e3s",
                             "9223372036854775808ns",
                             "9000000000s300000000s"}) {
        Duration value = 7ns;
        std::string why;
        EXPECT_FALSE(parse_duration(text, value, why)) << text;
        EXPECT_EQ(value, 7ns) << text;
    }
}

TEST(DurationText, SaysWhichUnitWasProbablyMeant) {
    Duration value{};
    std::string why;
    EXPECT_EQ(why_of(parse_duration("10", value, why), why), "has no unit: 10s?");
    EXPECT_EQ(why_of(parse_duration("3000000h", value, why = ""), why), "is too long");
}

TEST(DurationText, IsWrittenAsItIsRead) {
    for (const char* text : {"0", "1ns", "250ms", "25s", "1m", "1m30s", "1h30m", "2h45m30s500ms"}) {
        Duration value{};
        std::string why;
        ASSERT_TRUE(parse_duration(text, value, why));
        EXPECT_EQ(format_duration(value), text);
    }
    EXPECT_EQ(format_duration(Duration::max()), "2562047h47m16s854ms775us807ns");
}

TEST(CpusText, TakesThousandthsAndDecimals) {
    const std::pair<const char*, double> cases[] = {{"1", 1},      {"1.5", 1.5},   {"1500m", 1.5},
                                                    {"100m", 0.1}, {"0.25", 0.25}, {"4096", 4096}};
    for (const auto& [text, cpus] : cases) {
        Cpus value;
        std::string why;
        EXPECT_TRUE(parse_cpus(text, value, why)) << text;
        EXPECT_DOUBLE_EQ(value.count, cpus) << text;
    }
    for (const char* text :
         {"", "0", "0m", "0.0", "-1", "1.5m", "1500mm", "1k", "4097", "1.", "inf", "nan"}) {
        Cpus value{7};
        std::string why;
        EXPECT_FALSE(parse_cpus(text, value, why)) << text;
        EXPECT_DOUBLE_EQ(value.count, 7) << text;
    }
}

TEST(BooleanText, IsTrueFalseOneOrZeroAndNothingElse) {
    bool value = false;
    std::string why;
    EXPECT_TRUE(parse_boolean("true", value, why) && value);
    EXPECT_TRUE(parse_boolean("false", value, why) && !value);
    EXPECT_TRUE(parse_boolean("1", value, why) && value);
    EXPECT_TRUE(parse_boolean("0", value, why) && !value);
    for (const char* text : {"", "yes", "no", "on", "off", "True", "TRUE", "2", "01", " 1"}) {
        EXPECT_FALSE(parse_boolean(text, value, why)) << text;
    }
}

TEST(WholeText, StaysWithinItsBounds) {
    std::int64_t value = 0;
    std::string why;
    EXPECT_TRUE(parse_whole("1", 1, 64, value, why) && value == 1);
    EXPECT_TRUE(parse_whole("64", 1, 64, value, why) && value == 64);
    EXPECT_EQ(why_of(parse_whole("65", 1, 64, value, why = ""), why), "is out of range");
    EXPECT_EQ(why_of(parse_whole("0", 1, 64, value, why = ""), why), "is out of range");
    for (const char* text : {"", "-1", "1.0", "1k", " 1", "0x1"}) {
        EXPECT_FALSE(parse_whole(text, 0, 64, value, why)) << text;
    }
}

}  // namespace
}  // namespace pilotfish::config
