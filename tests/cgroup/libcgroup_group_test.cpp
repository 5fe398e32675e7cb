#include "cgroup/libcgroup_group.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/cgroup/real_groups.h"

namespace pilotfish::cgroup {
namespace {

using tests::RealParents;

class Libcgroup : public testing::Test {
  protected:
    void SetUp() override {
        if (!has_libcgroup()) GTEST_SKIP() << "a build without libcgroup";
        if (!parents_.why_not().empty()) GTEST_SKIP() << parents_.why_not();
    }
    std::string mount_point() const { return parents_.list().front().mount_point; }
    std::string below(const std::string& name) const {
        return parents_.list().front().directory.substr(mount_point().size() + 1) + "/" + name;
    }
    std::string file(const std::string& name, const std::string& file) const {
        return read_group_file(mount_point() + "/" + below(name) + "/" + file).value_or("absent");
    }
    const RealParents parents_{{"cpu"}};
};

TEST_F(Libcgroup, MakesAGroupWithItsValues) {
    const auto made = create_with_libcgroup("cpu", mount_point(), below("web"),
                                            values_for({.cpus = 0.5, .cpu_weight = 200}, "cpu", 1));
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(file("web", "cpu.cfs_quota_us"), "50000");
    EXPECT_EQ(file("web", "cpu.shares"), "2048");
}

TEST_F(Libcgroup, PrintsNothingWhateverItIsAskedFor) {
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    const auto refused =
        create_with_libcgroup("cpu", mount_point(), below("bad"), {{"cpu", "cpu.shares", "many"}});
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().message.starts_with("cannot make group "))
        << refused.error().message;
    EXPECT_EQ(file("bad", "cpu.shares"), "1024") << "its trap: the directory stays";
}

TEST_F(Libcgroup, WillNotWorkOnAnotherMountThanOurs) {
    const auto refused = create_with_libcgroup("cpu", "/elsewhere", below("web"), {});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("another mount"), std::string::npos);
    EXPECT_EQ(file("web", "cpu.shares"), "absent");
}

TEST_F(Libcgroup, ManyThreadsMayMakeGroupsAtOnce) {
    std::vector<std::thread> threads;
    std::atomic<int> made{0};
    for (int number = 0; number < 4; ++number) {
        threads.emplace_back([&, number] {
            for (int round = 0; round < 10; ++round) {
                const std::string name = std::to_string(number) + "-" + std::to_string(round);
                made += create_with_libcgroup("cpu", mount_point(), below(name),
                                              values_for({.cpus = 0.5}, "cpu", 1))
                            .ok();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(made, 40);
    EXPECT_EQ(file("3-9", "cpu.cfs_quota_us"), "50000");
}

}  // namespace
}  // namespace pilotfish::cgroup
