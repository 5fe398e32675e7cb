#include "config/resource_amount.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

namespace pilotfish::config {
namespace {

TEST(CpuAmountText, IsProcessorsOrAShare) {
    CpuAmount amount;
    std::string why;
    EXPECT_TRUE(parse_cpu_amount("1500m", amount, why));
    EXPECT_EQ(amount, (CpuAmount{.is_share = false, .cpus = 1.5, .share = 0}));
    EXPECT_EQ(format_cpu_amount(amount), "1.5");
    EXPECT_TRUE(parse_cpu_amount("12.5%", amount, why));
    EXPECT_EQ(amount, (CpuAmount{.is_share = true, .cpus = 0, .share = 0.125}));
    EXPECT_EQ(format_cpu_amount(amount), "12.5%");
    for (const char* text : {"", "0", "0%", "101%", "%", "500m%", "-1", "1 %", "1.5.5", "half"}) {
        EXPECT_FALSE(parse_cpu_amount(text, amount, why)) << text;
        EXPECT_EQ(format_cpu_amount(amount), "12.5%") << text;
    }
}

TEST(MemoryAmountText, IsASizeOrAShareAndNeverNothing) {
    MemoryAmount amount;
    std::string why;
    EXPECT_TRUE(parse_memory_amount("64Mi", amount, why));
    EXPECT_EQ(amount.size.count, 64u << 20);
    EXPECT_EQ(format_memory_amount(amount), "64Mi");
    EXPECT_TRUE(parse_memory_amount("100%", amount, why));
    EXPECT_TRUE(amount.is_share);
    EXPECT_EQ(format_memory_amount(amount), "100%");
    EXPECT_FALSE(parse_memory_amount("0", amount, why));
    EXPECT_EQ(why, "leaves no memory at all");
    EXPECT_FALSE(parse_memory_amount("100.5%", amount, why));
    EXPECT_EQ(why, "is more than all of it");
    for (const char* text : {"", "64", "0%", "off", "64Xi", "%50"}) {
        amount = {};
        EXPECT_EQ(parse_memory_amount(text, amount, why), std::string_view(text) == "64") << text;
    }
}

TEST(ResourceLimitText, IsOneBoundOrSoftAndHard) {
    ResourceLimit limit;
    std::string why;
    EXPECT_TRUE(parse_resource_limit("NOFILE", "1024:4096", limit, why));
    EXPECT_EQ(limit, (ResourceLimit{"NOFILE", RLIMIT_NOFILE, 1024, 4096}));
    EXPECT_EQ(format_resource_limit(limit), "1024:4096");
    EXPECT_TRUE(parse_resource_limit("CORE", "unlimited", limit, why));
    EXPECT_EQ(limit, (ResourceLimit{"CORE", RLIMIT_CORE, {}, {}}));
    EXPECT_EQ(format_resource_limit(limit), "unlimited");
    EXPECT_TRUE(parse_resource_limit("AS", "1Gi:unlimited", limit, why));
    EXPECT_EQ(limit.soft, 1u << 30);
    EXPECT_EQ(format_resource_limit(limit), "1Gi:unlimited");
    EXPECT_TRUE(parse_resource_limit("CORE", "0", limit, why));
    EXPECT_EQ(format_resource_limit(limit), "0");
}

TEST(ResourceLimitText, IsRefusedWithTheReason) {
    ResourceLimit limit;
    std::string why;
    EXPECT_FALSE(parse_resource_limit("FILES", "1", limit, why));
    EXPECT_EQ(why, "names no limit of setrlimit(2): RLIMIT_FILES");
    EXPECT_FALSE(parse_resource_limit("NOFILE", "2:1", limit, why));
    EXPECT_EQ(why, "has its hard limit below its soft one");
    EXPECT_FALSE(parse_resource_limit("NOFILE", "unlimited:1", limit, why));
    for (const char* text : {"", ":", "1:", ":1", "1:2:3", "-1", "1Ki", "no"})
        EXPECT_FALSE(parse_resource_limit("NOFILE", text, limit, why)) << text;
    EXPECT_EQ(limit, ResourceLimit{});
}

TEST(ReactionText, IsNoneRestartOrASignal) {
    Reaction reaction;
    std::string why;
    for (const char* text : {"none", "restart", "signal:SIGHUP", "signal:SIGRTMIN+2"}) {
        EXPECT_TRUE(parse_reaction(text, reaction, why)) << text;
        EXPECT_EQ(format_reaction(reaction), text);
    }
    EXPECT_TRUE(parse_reaction("signal:HUP", reaction, why));
    EXPECT_EQ(reaction.signal.number, SIGHUP);
    for (const char* text : {"", "signal", "signal:", "signal:NOPE", "Restart", "HUP", "stop"})
        EXPECT_FALSE(parse_reaction(text, reaction, why)) << text;
    EXPECT_EQ(reaction.signal.number, SIGHUP);
}

}  // namespace
}  // namespace pilotfish::config
