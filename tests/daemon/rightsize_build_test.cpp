#include "tests/daemon/rightsize_fixture.h"

namespace pilotfish::daemon {
namespace {

class RightsizeBuild : public RightsizeTest {
  protected:
    RightsizeBuild() { request_.profile = RightsizeProfile::all; }
    std::string flags(std::vector<std::string> environment) {
        is(Language::make);
        user(std::move(environment));
        return value("MAKEFLAGS");
    }
};

TEST_F(RightsizeBuild, MakeRunsAsManyJobsAsItHasProcessors) {
    EXPECT_EQ(flags({}), "-j2");
    EXPECT_EQ(flags({"MAKEFLAGS="}), "-j2");
}

TEST_F(RightsizeBuild, MakeReadsTheUsersFlagsLastAndAsTheyWereMeant) {
    EXPECT_EQ(flags({"MAKEFLAGS=-k"}), "-j2 -k");
    EXPECT_EQ(flags({"MAKEFLAGS=ks"}), "-j2 -ks") << "letters are options only in the first word";
    EXPECT_EQ(flags({"MAKEFLAGS= -- V=1"}), "-j2  -- V=1");
    EXPECT_EQ(flags({"MAKEFLAGS=V=1"}), "-j2 V=1");
}

TEST_F(RightsizeBuild, MakeKeepsTheJobsOfItsUserAndOfAParent) {
    for (const char* mine : {"MAKEFLAGS=-j8", "MAKEFLAGS=kj8", "MAKEFLAGS=-k -j", "MAKELEVEL=1",
                             "MAKEFLAGS= -j2 --jobserver-auth=3,4", "MAKEFLAGS=--jobs=3"})
        EXPECT_EQ(flags({mine}), "-") << mine;
    EXPECT_NE(omitted("MAKEFLAGS"), "-");
}

TEST_F(RightsizeBuild, OtherBuildersAreToldInVariablesOfTheirOwn) {
    EXPECT_EQ(value("CARGO_BUILD_JOBS"), "2");
    EXPECT_EQ(value("CMAKE_BUILD_PARALLEL_LEVEL"), "2");
    EXPECT_EQ(value("MAKEFLAGS"), "-");
}

}  // namespace
}  // namespace pilotfish::daemon
