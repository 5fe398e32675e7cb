#include "tests/daemon/rightsize_fixture.h"

namespace pilotfish::daemon {
namespace {

class RightsizeJava : public RightsizeTest {
  protected:
    RightsizeJava() {
        request_.profile = RightsizeProfile::all;
        has_memory(1024 * kMiB);
    }
    std::string options(const Version& version) {
        is(Language::java, version);
        return value("JAVA_TOOL_OPTIONS");
    }
};

const Version k17{17, 0, 15};
const std::string kHeap = "-XX:MaxRAMPercentage=74.4140 -XX:MinRAMPercentage=74.4140";

TEST_F(RightsizeJava, TakesThreeQuartersOfWhatItSees) {
    EXPECT_EQ(options(k17), kHeap) << "75% of what pilotfish leaves; processors it sees itself";
}

TEST_F(RightsizeJava, TakesItsPartOfTheWholeThatItSees) {
    shares_with(3);  // 254 MiB each
    EXPECT_EQ(options(k17), "-XX:MaxRAMPercentage=18.6035 -XX:MinRAMPercentage=18.6035");
    claims(512 * kMiB);
    EXPECT_EQ(options(k17), "-XX:MaxRAMPercentage=37.5000 -XX:MinRAMPercentage=37.5000");
    request_.own_group.memory_cap_in_force = true;
    EXPECT_EQ(options(k17), "-XX:MaxRAMPercentage=75.0000 -XX:MinRAMPercentage=75.0000");
}

TEST_F(RightsizeJava, LeavesHalfOfALittleMemoryToTheRestOfIt) {
    has_memory(208 * kMiB);
    EXPECT_EQ(options(k17), "-XX:MaxRAMPercentage=48.0769 -XX:MinRAMPercentage=48.0769");
}

TEST_F(RightsizeJava, InAGroupWithoutACapIsGivenNoPercentageOfTheMachine) {
    request_.own_group = {.cpu_cap_in_force = true, .is_below_for_memory = true};
    EXPECT_EQ(options(k17), "-") << "the limit stands on an ancestor, which 17 does not look at";
    EXPECT_NE(omitted("JAVA_TOOL_OPTIONS").find("does not see"), std::string::npos);
    EXPECT_EQ(options({24, 0, 0}), kHeap);
    claims(512 * kMiB);
    EXPECT_EQ(options(k17), "-") << "the kernel refused its MEMORY";
}

TEST_F(RightsizeJava, IsGivenASmallPartOfALargeLimitExactlyAndNeverMore) {
    has_memory(65536 * kMiB);
    claims(48 * kMiB);  // half of it, 24 MiB: 0.036621%
    EXPECT_EQ(options(k17), "-XX:MaxRAMPercentage=0.0366 -XX:MinRAMPercentage=0.0366");
    claims(100 * kMiB);  // 0.076293%, of which one decimal would make a third more
    EXPECT_EQ(options(k17), "-XX:MaxRAMPercentage=0.0762 -XX:MinRAMPercentage=0.0762");
}

TEST_F(RightsizeJava, IsNotGivenAHeapThatItDoesNotStartWith) {
    claims(32 * kMiB);
    EXPECT_EQ(options(k17), "-XX:MaxRAMPercentage=1.5625 -XX:MinRAMPercentage=1.5625");
    claims(31 * kMiB);
    EXPECT_EQ(options(k17), "-");
    EXPECT_EQ(omitted("JAVA_TOOL_OPTIONS"),
              "half of 31 MiB of the worker's MEMORY setting is less than the 16 MiB that a JVM "
              "needs");
    limit_on_ancestor();
    limits_.memory.levels.erase(limits_.memory.levels.begin());
    EXPECT_EQ(options(k17), "-XX:ActiveProcessorCount=2");
}

TEST_F(RightsizeJava, IsToldOfProcessorsThatItDoesNotSee) {
    limit_on_ancestor();
    EXPECT_EQ(options(k17), "-XX:ActiveProcessorCount=2");
    EXPECT_EQ(options({24, 0, 0}), kHeap) << "sees the limits of ancestors";
    request_.worker_cpus = 1;
    EXPECT_EQ(options({24, 0, 0}), kHeap + " -XX:ActiveProcessorCount=1");
}

TEST_F(RightsizeJava, ThatDoesNotKnowCgroupV2IsNotGivenAPercentageOfTheMachine) {
    for (const Version version : {Version{14, 0, 2}, Version{11, 0, 15}, Version{8, 0, 362}})
        EXPECT_EQ(options(version), "-XX:ActiveProcessorCount=2") << version.major;
    for (const Version version : {Version{15, 0, 0}, Version{11, 0, 16}, Version{8, 0, 372}})
        EXPECT_EQ(options(version), kHeap) << version.major;
    limits_.cpu.version = limits_.memory.version = 1;
    EXPECT_EQ(options({11, 0, 15}), kHeap);
}

TEST_F(RightsizeJava, ThatWouldRefuseTheFlagsIsGivenNone) {
    for (const Version version : {Version{8, 0, 181}, Version{9, 0, 4}, Version{7, 0, 0}}) {
        EXPECT_EQ(options(version), "-") << version.major;
        EXPECT_NE(omitted("JAVA_TOOL_OPTIONS").find("does not know the flags"), std::string::npos);
    }
    limits_.memory.version = limits_.cpu.version = 1;
    EXPECT_EQ(options({8, 0, 191}), kHeap);
}

TEST_F(RightsizeJava, ReadsTheUsersOptionsLastAndLeavesTheirHeapAlone) {
    user({"JAVA_TOOL_OPTIONS=-Dx=y"});
    EXPECT_EQ(options(k17), kHeap + " -Dx=y");
    for (const char* mine : {"JAVA_TOOL_OPTIONS=-Xmx100m", "JDK_JAVA_OPTIONS=-Xmx100m",
                             "_JAVA_OPTIONS=-XX:MaxRAMPercentage=10"}) {
        user({mine});
        EXPECT_EQ(options(k17), "-") << mine;
        EXPECT_EQ(omitted("JAVA_TOOL_OPTIONS"), "a size of the heap is set already");
    }
    limit_on_ancestor();
    user({"JAVA_TOOL_OPTIONS=-XX:ActiveProcessorCount=3"});
    EXPECT_EQ(options(k17), "-");
}

}  // namespace
}  // namespace pilotfish::daemon
