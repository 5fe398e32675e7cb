#include "config/capability_set.h"

#include <gtest/gtest.h>
#include <linux/capability.h>

#include <fstream>
#include <map>
#include <regex>

namespace pilotfish::config {
namespace {

std::string why;

constexpr CapabilityMask bit(int capability) { return CapabilityMask{1} << capability; }

// The kernel's header, both ways, up to what the machine that builds knows.
TEST(CapabilitySet, HasTheNamesAndNumbersOfTheKernelsHeader) {
    std::ifstream header("/usr/include/linux/capability.h");
    ASSERT_TRUE(header);
    const std::regex define(R"(#define\s+CAP_([A-Z_]+)\s+(\d+)\s*)");
    std::map<int, std::string> known;
    for (std::string line; std::getline(header, line);) {
        std::smatch match;
        if (!std::regex_match(line, match, define)) continue;
        std::string name = match[1];
        for (char& c : name) c = static_cast<char>(std::tolower(c));
        known[std::stoi(match[2])] = name;
    }
    const auto names = capability_names();
    ASSERT_EQ(known.size(), names.size());
    for (const auto& [number, name] : known)
        EXPECT_EQ(names[static_cast<std::size_t>(number)], name) << number;
    EXPECT_EQ(names.size(), static_cast<std::size_t>(CAP_LAST_CAP) + 1);
}

TEST(CapabilitySet, IsAnExactListInAnySpelling) {
    CapabilityChoice choice;
    ASSERT_TRUE(parse_capabilities("CAP_KILL,net_bind_service", choice, why));
    EXPECT_EQ(choice.of(~CapabilityMask{0}), bit(CAP_KILL) | bit(CAP_NET_BIND_SERVICE));
    EXPECT_EQ(format_capabilities(choice), "cap_kill,cap_net_bind_service");
    ASSERT_TRUE(parse_capabilities("none", choice, why));
    EXPECT_EQ(choice.of(~CapabilityMask{0}), 0U);
    EXPECT_EQ(format_capabilities(choice), "none");
}

TEST(CapabilitySet, AllIsWhatTheDaemonHasLessWhatIsTaken) {
    CapabilityChoice choice;
    const CapabilityMask ours = bit(CAP_KILL) | bit(CAP_CHOWN);
    ASSERT_TRUE(parse_capabilities("all", choice, why));
    EXPECT_EQ(choice.of(ours), ours);
    for (const char* text : {"all,-cap_kill", "-cap_kill"}) {
        ASSERT_TRUE(parse_capabilities(text, choice, why)) << text;
        EXPECT_EQ(choice.of(ours), bit(CAP_CHOWN));
        EXPECT_EQ(format_capabilities(choice), "all,-cap_kill");
    }
}

TEST(CapabilitySet, WhatMakesNoSenseIsRefused) {
    CapabilityChoice choice;
    for (const char* bad : {"", "cap_kill,-cap_chown", "-cap_kill,cap_chown", "none,cap_kill",
                            "cap_kill,all", "all,cap_kill", "cap_", "-", "all,"})
        EXPECT_FALSE(parse_capabilities(bad, choice, why)) << bad;
    EXPECT_FALSE(parse_capabilities("cap_net_bind_servise", choice, why));
    EXPECT_NE(why.find("did you mean cap_net_bind_service?"), std::string::npos) << why;
}

}  // namespace
}  // namespace pilotfish::config
