#include "tests/daemon/rightsize_fixture.h"

namespace pilotfish::daemon {
namespace {

class RightsizeNode : public RightsizeTest {
  protected:
    RightsizeNode() {
        request_.profile = RightsizeProfile::all;
        has_memory(1024 * kMiB);
    }
    std::string options(int major) {
        is(Language::node, {major, 0, 0});
        return value("NODE_OPTIONS");
    }
};

// 75% of 1016 MiB is 762.
TEST_F(RightsizeNode, KeepsTheWholeHeapInThreeQuarters) {
    EXPECT_EQ(options(20), "--max-old-space-size=750");
    EXPECT_EQ(options(24), "--max-old-space-size=714");
    EXPECT_EQ(options(26), "--max-old-space-size=738");
    EXPECT_EQ(options(0), options(24)) << "of an unknown version the most is taken";
    has_memory(8192 * kMiB);  // 6138
    EXPECT_EQ(options(20), "--max-old-space-size=6090");
    EXPECT_EQ(options(24), "--max-old-space-size=5946");
}

TEST_F(RightsizeNode, ThatTakesTheMachinesMemoryForItsOwnIsLeftAllThatItsYoungGenerationMayBe) {
    limit_on_ancestor();
    EXPECT_EQ(options(20), "--max-old-space-size=714");
    EXPECT_EQ(options(24), "--max-old-space-size=570");
}

TEST_F(RightsizeNode, DividesTheHeapAmongWorkers) {
    shares_with(1);
    EXPECT_EQ(options(20), "--max-old-space-size=369");
}

TEST_F(RightsizeNode, IsHandedNoHeapTooSmallToLiveWith) {
    has_memory(80 * kMiB);
    EXPECT_EQ(options(20), "-");
    EXPECT_TRUE(omitted("NODE_OPTIONS").starts_with("too little is left of 75% of"));
}

TEST_F(RightsizeNode, ReadsTheUsersOptionsLast) {
    user({"NODE_OPTIONS=--no-warnings --title=x"});
    EXPECT_EQ(options(20), "--max-old-space-size=750 --no-warnings --title=x");
    user({"NODE_OPTIONS="});
    EXPECT_EQ(options(20), "--max-old-space-size=750");
}

TEST_F(RightsizeNode, LeavesTheUsersOwnHeapAlone) {
    for (const char* mine : {"--max-old-space-size=100", "--max_old_space_size=100",
                             "--max-old-space-size-percentage=50", "--max-heap-size=9"}) {
        user({std::string("NODE_OPTIONS=") + mine});
        EXPECT_EQ(options(20), "-") << mine;
        EXPECT_EQ(omitted("NODE_OPTIONS"),
                  "NODE_OPTIONS has a size of the heap already, which rules it");
    }
}

TEST_F(RightsizeNode, IsHandedNothingWithoutALimit) {
    limits_.memory = core::MemoryLimit();
    EXPECT_EQ(options(20), "-");
    EXPECT_EQ(omitted("NODE_OPTIONS"), "-");
}

}  // namespace
}  // namespace pilotfish::daemon
