#include "tests/daemon/rightsize_fixture.h"

namespace pilotfish::daemon {
namespace {

class RightsizeMalloc : public RightsizeTest {
  protected:
    RightsizeMalloc() { request_.profile = RightsizeProfile::all; }
};

TEST_F(RightsizeMalloc, JemallocCountsItsArenasByTheContainersProcessors) {
    EXPECT_EQ(value("MALLOC_CONF"), "narenas:8");
    user({"MALLOC_CONF=background_thread:true"});
    EXPECT_EQ(value("MALLOC_CONF"), "narenas:8,background_thread:true");
    for (const char* mine : {"MALLOC_CONF=narenas:1", "MALLOC_CONF=percpu_arena:percpu"}) {
        user({mine});
        EXPECT_EQ(value("MALLOC_CONF"), "-") << mine;
    }
}

TEST_F(RightsizeMalloc, GlibcKeepsTwoArenasAtLeast) {
    EXPECT_EQ(value("MALLOC_ARENA_MAX"), "2");
    limits_.cpu.cpus = 1;
    EXPECT_EQ(value("MALLOC_ARENA_MAX"), "2");
    limits_.cpu.cpus = 5;
    EXPECT_EQ(value("MALLOC_ARENA_MAX"), "5");
}

}  // namespace
}  // namespace pilotfish::daemon
