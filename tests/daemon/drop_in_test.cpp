#include "daemon/drop_in.h"

#include <gtest/gtest.h>

namespace pilotfish::daemon {
namespace {

TEST(DropInName, IsTheBaseNameOfTheProgram) {
    EXPECT_EQ(drop_in_of("tini"), DropIn::tini);
    EXPECT_EQ(drop_in_of("/sbin/docker-init"), DropIn::tini);
    EXPECT_EQ(drop_in_of("./bin/dumb-init"), DropIn::dumb_init);
    for (const char* other : {"", "/", "pilotfish", "/tini/pilotfish", "/tini/", "tini2", "mytini"})
        EXPECT_EQ(drop_in_of(other), std::nullopt) << other;
}

}  // namespace
}  // namespace pilotfish::daemon
