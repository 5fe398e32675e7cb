#include "tests/daemon/rightsize_fixture.h"

namespace pilotfish::daemon {
namespace {

class RightsizeServers : public RightsizeTest {
  protected:
    RightsizeServers() { request_.profile = RightsizeProfile::all; }
};

TEST_F(RightsizeServers, RunAsManyProcessesAsProcessorsAndMemoryAllow) {
    EXPECT_EQ(value("WEB_CONCURRENCY"), "-") << "256 MiB are for one";
    has_memory(4096 * kMiB);
    EXPECT_EQ(value("WEB_CONCURRENCY"), "2");
    limits_.cpu.cpus = 7;
    has_memory(1032 * kMiB);
    EXPECT_EQ(value("WEB_CONCURRENCY"), "4");
    EXPECT_TRUE(reason("WEB_CONCURRENCY").starts_with("one process in 256 MiB, of "));
    limits_.memory = core::MemoryLimit();
    EXPECT_EQ(value("WEB_CONCURRENCY"), "7");
    user({"WEB_CONCURRENCY=1"});
    EXPECT_EQ(value("WEB_CONCURRENCY"), "-");
}

}  // namespace
}  // namespace pilotfish::daemon
