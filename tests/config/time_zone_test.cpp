#include "config/time_zone.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace pilotfish::config {
namespace {

constexpr std::int64_t kNewYear2026 = 1767225600;
constexpr std::int64_t kSpring2026 = 1774746000;  // 29 March, 01:00 UTC
constexpr std::int64_t kAutumn2026 = 1792890000;  // 25 October, 01:00 UTC

std::string number(std::int64_t value, int width) {
    std::string bytes;
    for (int shift = (width - 1) * 8; shift >= 0; shift -= 8)
        bytes.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> shift & 0xff));
    return bytes;
}

using Changes = std::vector<std::pair<std::int64_t, int>>;  // time, type

std::string body(const Changes& changes, const std::vector<std::int64_t>& offsets, int width,
                 char version) {
    std::string text = "TZif";
    text.push_back(version);
    text.append(15, '\0');
    for (const std::size_t count : {std::size_t{0}, std::size_t{0}, std::size_t{0}, changes.size(),
                                    offsets.size(), std::size_t{4}})
        text += number(static_cast<std::int64_t>(count), 4);
    for (const auto& [time, type] : changes) text += number(time, width);
    for (const auto& [time, type] : changes) text += number(type, 1);
    for (const std::int64_t offset : offsets) text += number(offset, 4) + std::string(2, '\0');
    return text + std::string("ABC\0", 4);
}

std::string zone_file(const Changes& changes, const std::vector<std::int64_t>& offsets,
                      const std::string& rule) {
    return body({}, {0}, 4, '2') + body(changes, offsets, 8, '2') + "\n" + rule + "\n";
}

TimeZone rule(const std::string& text) {
    std::string why;
    const auto zone = TimeZone::from_rule(text, why);
    EXPECT_TRUE(zone) << text << ": " << why;
    return zone.value_or(TimeZone());
}

TEST(TimeZone, IsUtcUnlessItIsSaid) {
    EXPECT_EQ(TimeZone().offset_at(0), 0);
    EXPECT_EQ(TimeZone().offset_at(kSpring2026), 0);
}

TEST(TimeZone, FollowsItsRuleToTheSecond) {
    const TimeZone berlin = rule("CET-1CEST,M3.5.0,M10.5.0/3");
    EXPECT_EQ(berlin.offset_at(kNewYear2026), 3600);
    EXPECT_EQ(berlin.offset_at(kSpring2026 - 1), 3600);
    EXPECT_EQ(berlin.offset_at(kSpring2026), 7200);
    EXPECT_EQ(berlin.offset_at(kAutumn2026 - 1), 7200);
    EXPECT_EQ(berlin.offset_at(kAutumn2026), 3600);
}

TEST(TimeZone, HasSummerOverTheNewYearInTheSouth) {
    const TimeZone sydney = rule("AEST-10AEDT,M10.1.0,M4.1.0/3");
    EXPECT_EQ(sydney.offset_at(kNewYear2026), 11 * 3600);
    EXPECT_EQ(sydney.offset_at(1782864000), 10 * 3600) << "1 July";
}

TEST(TimeZone, ReadsEveryFormOfARule) {
    EXPECT_EQ(rule("EST5").offset_at(0), -5 * 3600);
    EXPECT_EQ(rule("<+0545>-5:45").offset_at(0), 5 * 3600 + 45 * 60);
    EXPECT_EQ(rule("<-03>3").offset_at(0), -3 * 3600);
    EXPECT_EQ(rule("EST5EDT").offset_at(1782864000), -4 * 3600) << "the days glibc assumes";
    // The 60th Julian day is the first of March, in leap years too; the other kind counts all days.
    EXPECT_EQ(rule("AAA0BBB,J60/0,J300/0").offset_at(1709251199), 0) << "29 February 2024";
    EXPECT_EQ(rule("AAA0BBB,J60/0,J300/0").offset_at(1709251200), 3600);
    EXPECT_EQ(rule("AAA0BBB,59/0,300/0").offset_at(1709164800), 3600) << "29 February 2024";
    EXPECT_EQ(rule("<-02>2<-01>,M3.5.0/-1,M10.5.0/0").offset_at(kSpring2026), -3600) << "Nuuk";
}

TEST(TimeZone, RefusesWhatIsNoRule) {
    for (const char* bad :
         {"", "CET", "C-1", "CET-1CEST,", "CET-1CEST,M3.5.0", "CET-1CEST,M13.1.0,M1.1.0",
          "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "<CET-1", "CET-25",
          "CET-1CEST,J0,J1", "CET-1CEST,M3.5.0,M10.5.0/168", "CET-1CEST,M3.5.0,M10.5.0x",
          "Europe/Berlin"}) {
        std::string why;
        EXPECT_FALSE(TimeZone::from_rule(bad, why)) << bad;
        EXPECT_FALSE(why.empty());
    }
}

TEST(TimeZone, ReadsAZoneFileAndItsRuleForAfterwards) {
    std::string why;
    const auto zone = TimeZone::from_file(
        zone_file({{1000, 1}, {2000, 2}}, {60, 120, 180}, "CET-1CEST,M3.5.0,M10.5.0/3"), why);
    ASSERT_TRUE(zone) << why;
    EXPECT_EQ(zone->offset_at(0), 60) << "before the first change";
    EXPECT_EQ(zone->offset_at(1000), 120);
    EXPECT_EQ(zone->offset_at(1999), 120);
    EXPECT_EQ(zone->offset_at(kSpring2026), 7200) << "by the rule";
}

TEST(TimeZone, WithoutARuleItsLastChangeStays) {
    std::string why;
    const auto zone = TimeZone::from_file(zone_file({{1000, 1}}, {60, 120}, ""), why);
    ASSERT_TRUE(zone) << why;
    EXPECT_EQ(zone->offset_at(kSpring2026), 120);
    const auto old = TimeZone::from_file(body({{1000, 1}}, {60, -120}, 4, '\0'), why);
    ASSERT_TRUE(old) << why;
    EXPECT_EQ(old->offset_at(2000), -120) << "of the first version, with 32-bit times";
}

TEST(TimeZone, RefusesAFileThatIsCutOffAnywhere) {
    const std::string whole = zone_file({{1000, 1}, {2000, 0}}, {60, 120}, "EST5");
    std::string why;
    ASSERT_TRUE(TimeZone::from_file(whole, why));
    for (std::size_t length = 0; length + 1 < whole.size(); ++length)
        EXPECT_FALSE(TimeZone::from_file(whole.substr(0, length), why)) << length;
    EXPECT_FALSE(TimeZone::from_file(zone_file({{2000, 1}, {1000, 0}}, {60, 120}, ""), why))
        << "times must rise";
    EXPECT_FALSE(TimeZone::from_file(zone_file({{1000, 2}}, {60, 120}, ""), why))
        << "there is no such type";
}

}  // namespace
}  // namespace pilotfish::config
