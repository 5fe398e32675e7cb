#include "daemon/restart_rate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace pilotfish::daemon {
namespace {

using std::chrono::seconds;
using Time = std::chrono::steady_clock::time_point;

Time at(int second) { return Time(seconds(1000 + second)); }

TEST(RestartLimit, RefusesTheOneThatIsTooManyInAnyWindow) {
    RestartLimit limit({.most = 3, .window = seconds(10)});
    EXPECT_TRUE(limit.take(at(0)));
    EXPECT_TRUE(limit.take(at(4)));
    EXPECT_TRUE(limit.take(at(8)));
    EXPECT_FALSE(limit.take(at(9)));
    EXPECT_TRUE(limit.take(at(10))) << "the first is ten seconds old";
    EXPECT_FALSE(limit.take(at(13)));
    EXPECT_TRUE(limit.take(at(14)));
}

TEST(RestartLimit, CanForgetAndBeOff) {
    RestartLimit limit({.most = 1, .window = seconds(10)});
    EXPECT_TRUE(limit.take(at(0)));
    limit.forget();
    EXPECT_TRUE(limit.take(at(1)));
    RestartLimit off({});
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(off.take(at(0)));
}

TEST(RestartBudget, GivesTheNextRoomInOrder) {
    RestartBudget budget({.most = 2, .window = seconds(10)});
    EXPECT_EQ(budget.reserve(at(0)), at(0));
    EXPECT_EQ(budget.reserve(at(1)), at(1));
    EXPECT_EQ(budget.reserve(at(2)), at(10));
    EXPECT_EQ(budget.reserve(at(2)), at(11));
    EXPECT_EQ(budget.reserve(at(3)), at(20));
    EXPECT_EQ(budget.reserve(at(40)), at(40)) << "all of it is long ago";
}

TEST(RestartBudget, NoWindowEverHoldsMoreThanItsLimit) {
    RestartBudget budget({.most = 3, .window = seconds(7)});
    std::vector<Time> starts;
    for (int i = 0; i < 200; ++i) starts.push_back(budget.reserve(at(i)));
    std::sort(starts.begin(), starts.end());
    for (std::size_t i = 3; i < starts.size(); ++i)
        EXPECT_GE(starts[i] - starts[i - 3], seconds(7)) << i;
}

TEST(RestartBudget, OffIsAtOnce) {
    RestartBudget budget({});
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(budget.reserve(at(5)), at(5));
}

}  // namespace
}  // namespace pilotfish::daemon
