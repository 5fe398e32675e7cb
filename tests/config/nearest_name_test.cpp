#include "config/nearest_name.h"

#include <gtest/gtest.h>

#include <string>

namespace pilotfish::config {
namespace {

TEST(EditDistance, CountsInsertionsDeletionsReplacementsAndSwaps) {
    EXPECT_EQ(edit_distance("", ""), 0);
    EXPECT_EQ(edit_distance("abc", ""), 3);
    EXPECT_EQ(edit_distance("", "abc"), 3);
    EXPECT_EQ(edit_distance("MAXPROC", "MAXPROCS"), 1);
    EXPECT_EQ(edit_distance("STRCIT", "STRICT"), 1);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
    EXPECT_EQ(edit_distance("RESTART", "restart"), 0);
    EXPECT_EQ(edit_distance("ab", "ba"), 1);
}

TEST(NearestName, IsTheLeastDistantAndTheFirstOfEquals) {
    EXPECT_EQ(nearest_name("rnu", {"env", "run", "help"}), "run");
    EXPECT_EQ(nearest_name("LOG_FORMT", {"LOG_LEVEL", "LOG_FORMAT"}), "LOG_FORMAT");
    EXPECT_EQ(nearest_name("RESTARTX", {"RESTART1", "RESTART2"}), "RESTART1");
}

TEST(NearestName, IsNothingWhenNoneWasMeant) {
    EXPECT_EQ(nearest_name("nginx", {"run", "env", "check", "limits"}), "");
    EXPECT_EQ(nearest_name("x", {}), "");
    EXPECT_EQ(nearest_name("CPU", {"CWD"}), "");
    EXPECT_EQ(nearest_name(std::string(100'000, 'a'), {"a"}), "");
}

}  // namespace
}  // namespace pilotfish::config
