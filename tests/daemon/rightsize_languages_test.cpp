#include "tests/daemon/rightsize_fixture.h"

namespace pilotfish::daemon {
namespace {

class RightsizeLanguages : public RightsizeTest {
  protected:
    RightsizeLanguages() { request_.profile = RightsizeProfile::all; }
    void name(const char* program) {
        named_ = {program};
        request_.programs = named_;
    }
};

TEST_F(RightsizeLanguages, ErlangIsToldItsSchedulersUnlessTheUserDid) {
    is(Language::erlang);
    EXPECT_EQ(value("ERL_AFLAGS"), "+S 2:2");
    user({"ERL_AFLAGS=+K true"});
    EXPECT_EQ(value("ERL_AFLAGS"), "+S 2:2 +K true");
    for (const char* mine : {"ERL_AFLAGS=+S 1", "ERL_FLAGS=+K true +S 1:1", "ERL_ZFLAGS=+S 1"}) {
        user({mine});
        EXPECT_EQ(value("ERL_AFLAGS"), "-") << mine;
    }
}

TEST_F(RightsizeLanguages, RMayUseFourFifthsForVectorsAndNeverFewerThanTwoProcesses) {
    EXPECT_EQ(value("R_MAX_VSIZE"), "198M");
    EXPECT_EQ(value("MC_CORES"), "-");
    limits_.cpu.cpus = 3;
    EXPECT_EQ(value("MC_CORES"), "3");
}

TEST_F(RightsizeLanguages, WhatMayNotStartIsGivenToNamedProgramsOnly) {
    for (const char* variable : {"GHCRTS", "JULIA_NUM_THREADS", "DOTNET_PROCESSOR_COUNT"})
        EXPECT_EQ(value(variable), "-") << variable;
    name("ghc");
    EXPECT_EQ(value("GHCRTS"), "-N2 -M198m");
    user({"GHCRTS=-A8m"});
    EXPECT_EQ(omitted("GHCRTS"), "set already: it stays");
    name("julia");
    EXPECT_EQ(value("JULIA_NUM_THREADS"), "2");
}

TEST_F(RightsizeLanguages, DotnetIsToldWhatItDoesNotSee) {
    name("dotnet");
    EXPECT_EQ(value("DOTNET_PROCESSOR_COUNT"), "-");
    EXPECT_EQ(value("DOTNET_GCHeapHardLimit"), "-");
    limit_on_ancestor();
    shares_with(1);
    EXPECT_EQ(value("DOTNET_PROCESSOR_COUNT"), "2");
    EXPECT_EQ(value("DOTNET_GCHeapHardLimit"), "0x5D00000");  // 75% of 124 MiB
}

TEST_F(RightsizeLanguages, DotnetKeepsWhatTheUserSetByItsOlderNames) {
    name("dotnet");
    limit_on_ancestor();
    shares_with(1);
    for (const char* mine : {"DOTNET_GCHeapHardLimitPercent", "COMPlus_GCHeapHardLimit",
                             "COMPlus_GCHeapHardLimitPercent"}) {
        user({std::string(mine) + "=10"});
        EXPECT_EQ(value("DOTNET_GCHeapHardLimit"), "-") << mine;
        EXPECT_EQ(value("DOTNET_PROCESSOR_COUNT"), "2") << mine;
    }
    user({"COMPlus_PROCESSOR_COUNT=1"});
    EXPECT_EQ(value("DOTNET_PROCESSOR_COUNT"), "-");
    EXPECT_EQ(value("DOTNET_GCHeapHardLimit"), "0x5D00000");
}

}  // namespace
}  // namespace pilotfish::daemon
