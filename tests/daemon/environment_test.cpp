#include "daemon/environment.h"

#include <gtest/gtest.h>

namespace pilotfish::daemon {
namespace {

using Environment = std::vector<std::string>;

TEST(Environment, GetsAVariableAtItsEndOrInItsPlace) {
    Environment environment{"A=1", "AB=2"};
    put_variable(environment, "B", "3");
    EXPECT_EQ(environment, (Environment{"A=1", "AB=2", "B=3"}));
    put_variable(environment, "A", "x y");
    EXPECT_EQ(environment, (Environment{"A=x y", "AB=2", "B=3"}));
    put_variable(environment, "A", "");
    EXPECT_STREQ(find_variable(environment, "A"), "");
    EXPECT_STREQ(find_variable(environment, "AB"), "2");
    EXPECT_EQ(find_variable(environment, "C"), nullptr);
}

}  // namespace
}  // namespace pilotfish::daemon
