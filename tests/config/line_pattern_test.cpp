#include "config/line_pattern.h"

#include <gtest/gtest.h>

#include <chrono>

namespace pilotfish::config {
namespace {

LinePattern pattern(const std::string& text) {
    LinePattern made;
    std::string why;
    EXPECT_TRUE(LinePattern::parse(text, made, why)) << text << ": " << why;
    return made;
}

TEST(LinePattern, IsFoundAnywhereInTheLine) {
    EXPECT_TRUE(pattern("ready").found_in("server is ready to serve"));
    EXPECT_FALSE(pattern("^ready").found_in("server is ready"));
    EXPECT_TRUE(pattern("[Ll]istening on .*:[0-9]{2,5}$").found_in("12:00 listening on [::]:8080"));
    EXPECT_FALSE(pattern("up$").found_in("up and away"));
    EXPECT_FALSE(LinePattern().found_in("anything"));
    EXPECT_TRUE(pattern("x").found_in(std::string("\0x", 2)));
}

// The matcher of most libraries needs 2^40 steps for this, ours some ten thousand.
TEST(LinePattern, TakesNoLongerForNestedRepeats) {
    const auto began = std::chrono::steady_clock::now();
    EXPECT_FALSE(pattern("(a+)+$").found_in(std::string(40, 'a') + "!"));
    EXPECT_FALSE(pattern("(.*a){20}b").found_in(std::string(LinePattern::kMostLineBytes, 'a')));
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
}

TEST(LinePattern, IsBoundedInWhatItRepeatsAndLooksAt) {
    LinePattern made;
    std::string why;
    for (const std::string text : {"a{101}", "(a{10}){11}", "((a?){50}){3,}"}) {
        EXPECT_FALSE(LinePattern::parse(text, made, why)) << text;
        EXPECT_EQ(why, "repeats more than 100 times");
    }
    EXPECT_TRUE(LinePattern::parse("\\{9999\\}", made, why)) << why;
    EXPECT_FALSE(LinePattern::parse(std::string(257, 'a'), made, why));
    EXPECT_FALSE(pattern("end").found_in(std::string(LinePattern::kMostLineBytes, ' ') + "end"));
}

}  // namespace
}  // namespace pilotfish::config
