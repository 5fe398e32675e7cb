#include "cgroup/cpu_limit.h"

#include <gtest/gtest.h>

#include <string>

namespace pilotfish::cgroup {
namespace {

TEST(CpuMax, IsQuotaDividedByPeriod) {
    EXPECT_DOUBLE_EQ(parse_cpu_max("150000 100000\n").value().value(), 1.5);
    EXPECT_DOUBLE_EQ(parse_cpu_max("1000 1000000").value().value(), 0.001);
    EXPECT_DOUBLE_EQ(parse_cpu_max("10000000 1000000\n").value().value(), 10);
    EXPECT_DOUBLE_EQ(parse_cpu_max("18446744073709551615 1").value().value(),
                     18446744073709551615.0);
}

TEST(CpuMax, MaxMeansNoQuota) {
    EXPECT_FALSE(parse_cpu_max("max 100000\n").value().has_value());
    EXPECT_FALSE(parse_cpu_max("max").value().has_value());
}

TEST(CpuMax, OneFieldHasTheDefaultPeriod) {
    EXPECT_DOUBLE_EQ(parse_cpu_max("250000").value().value(), 2.5);
}

TEST(CpuMax, DistrustsEverythingElse) {
    for (const std::string text :
         {"", "\n", "max 0", "150000 0", "0 100000", "-1 100000", "+5 100000", "1.5 100000",
          "maximum 100000", "MAX 100000", "150000 max", "150000 100000 1", "150000  100000x",
          "18446744073709551616 100000", "1 18446744073709551616", "0x10 100000", "1e5 100000"}) {
        const CpuQuota quota = parse_cpu_max(text);
        EXPECT_FALSE(quota.ok()) << text;
    }
}

TEST(CfsQuota, OfZeroOrBelowMeansNoneWhateverThePeriodSays) {
    EXPECT_FALSE(parse_cfs_quota("-1\n", "100000\n").value().has_value());
    EXPECT_FALSE(parse_cfs_quota("0", "0").value().has_value());
    EXPECT_FALSE(parse_cfs_quota("-5", "").value().has_value());
}

TEST(CfsQuota, AboveZeroNeedsATrustedPeriod) {
    EXPECT_DOUBLE_EQ(parse_cfs_quota("150000\n", "100000\n").value().value(), 1.5);
    for (const std::string period : {"", "0", "-1", "x", "99999999999999999999"})
        EXPECT_FALSE(parse_cfs_quota("150000", period).ok()) << period;
    for (const std::string quota : {"", "max", "99999999999999999999", "1 2"})
        EXPECT_FALSE(parse_cfs_quota(quota, "100000").ok()) << quota;
}

TEST(Warnings, QuoteHostileTextShortAndWithoutControlCharacters) {
    const std::string shown = in_quotes(std::string("\x1b[2J\"") + std::string(1000, 'a'));
    EXPECT_EQ(shown.find('\x1b'), std::string::npos);
    EXPECT_LT(shown.size(), 60u);
}

}  // namespace
}  // namespace pilotfish::cgroup
