#include "daemon/control.h"

#include <gtest/gtest.h>

namespace pilotfish::daemon {
namespace {

TEST(IsMeant, ByItsNameOrByThatOfAllInstances) {
    EXPECT_TRUE(is_meant("web", "web"));
    EXPECT_TRUE(is_meant("web@2", "web"));
    EXPECT_TRUE(is_meant("web@2", "web@2"));
    EXPECT_FALSE(is_meant("web@12", "web@1"));
    EXPECT_FALSE(is_meant("web-api", "web"));
    EXPECT_FALSE(is_meant("we", "web"));
    EXPECT_FALSE(is_meant("web", ""));
}

}  // namespace
}  // namespace pilotfish::daemon
