#include "daemon/env_report.h"

#include <string>

#include "tests/daemon/rightsize_fixture.h"

namespace pilotfish::daemon {
namespace {

class EnvReport : public testing::Test {
  protected:
    EnvReport() { configuration_.workers.emplace_back().settings.name = "web"; }
    config::WorkerSettings& web() { return configuration_.workers.front().settings; }
    std::string report() const {
        const auto text = env_report(configuration_, invocation_, limits_, parents_);
        return text ? *text : text.error().message;
    }
    bool says(const std::string& part) const { return report().find(part) != std::string::npos; }

    core::Limits limits_ = container();
    config::Configuration configuration_;
    config::Invocation invocation_;
    std::vector<cgroup::GroupParent> parents_;  // none: groups cannot be made
};

// .NET takes three quarters of a cap that it finds by itself.
TEST_F(EnvReport, TakesTheCapsOfAGroupThatCanBeMadeForInForce) {
    web().memory = config::MemoryAmount{.size = {128 * kMiB}};
    web().cpu = config::CpuAmount{.cpus = 1};
    web().rightsize = config::RightsizeChoice{.profile = {}, .programs = {"dotnet"}};
    EXPECT_TRUE(says("DOTNET_PROCESSOR_COUNT=1")) << report();
    EXPECT_TRUE(says("DOTNET_GCHeapHardLimit=0x6000000")) << report();
    parents_ = {{2, "/sys/fs/cgroup", "/sys/fs/cgroup", {"memory"}}};
    EXPECT_TRUE(says("DOTNET_PROCESSOR_COUNT=1")) << "cpu is not handed down: " << report();
    EXPECT_FALSE(says("DOTNET_GCHeapHardLimit=")) << report();
    parents_.front().controllers = {"memory", "cpu"};
    EXPECT_FALSE(says("DOTNET_PROCESSOR_COUNT=")) << report();
    configuration_.settings.child_groups = config::ChildGroups::off;
    EXPECT_TRUE(says("DOTNET_PROCESSOR_COUNT=1")) << "no group is made: " << report();
}

TEST_F(EnvReport, SaysWhyAHostedTaskIsHandedNothing) {
    web().plugin = "/lib/task.so";
    EXPECT_EQ(report(), "web\n  nothing: it runs inside the daemon, which follows the limits\n");
}

TEST_F(EnvReport, SaysThatRightsizingIsOff) {
    configuration_.settings.rightsize = config::Rightsize::none;
    EXPECT_EQ(report(), "web\n  nothing: PILOTFISH_RIGHTSIZE is none\n");
    configuration_.settings.rightsize = config::Rightsize::safe;
    EXPECT_TRUE(says("GOMEMLIMIT="));
    web().rightsize = config::RightsizeChoice{.profile = config::Rightsize::none, .programs = {}};
    EXPECT_TRUE(says("RIGHTSIZE is none")) << report();
    limits_ = core::Limits();
    web().rightsize.reset();
    EXPECT_TRUE(says("nothing: no limit asks for it")) << report();
}

}  // namespace
}  // namespace pilotfish::daemon
