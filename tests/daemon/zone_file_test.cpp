#include "daemon/zone_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/config/environment.h"
#include "tests/support/test_support.h"

namespace pilotfish::daemon {
namespace {

// Zone files of a directory of its own, and a TZ.
class ZoneFile : public testing::Test {
  protected:
    void SetUp() override {
        setenv("TZDIR", directory_.path().c_str(), 1);
        unsetenv("TZ");
        // Two bodies without a change and with one type, one hour east of UTC.
        std::string body = "TZif2" + std::string(15, '\0') + std::string(16, '\0') +
                           std::string("\0\0\0\1\0\0\0\1", 8) + std::string("\0\0\x0e\x10\0\0", 6) +
                           std::string(1, '\0');
        std::ofstream(directory_.path() + "/Mars", std::ios::binary) << body << body << "\nAAA-1\n";
        std::ofstream(directory_.path() + "/Broken") << "no zone";
    }
    void TearDown() override {
        unsetenv("TZDIR");
        unsetenv("TZ");
    }

    static config::Configuration cron(const std::string& schedule) {
        const config::Environment environment(
            {"PILOTFISH_WORKERS=job", "PILOTFISH_WORKER_JOB_COMMAND=true",
             "PILOTFISH_WORKER_JOB_KIND=cron", "PILOTFISH_WORKER_JOB_SCHEDULE=" + schedule});
        return config::accepted(config::load(environment.get(), config::as_run()));
    }

    const tests::TempDir directory_;
};

TEST_F(ZoneFile, IsFoundByItsName) {
    const auto zone = read_zone("Mars");
    ASSERT_TRUE(zone) << zone.error().message;
    EXPECT_EQ(zone->offset_at(0), 3600);
}

TEST_F(ZoneFile, UtcNeedsNone) {
    EXPECT_TRUE(read_zone("UTC"));
    EXPECT_TRUE(zone_of_variable(""));
}

TEST_F(ZoneFile, AVariableHoldsANameAPathOrARule) {
    for (const std::string& value :
         {std::string("Mars"), std::string(":Mars"), directory_.path() + "/Mars",
          ":" + directory_.path() + "/Mars", std::string("XYZ-1")}) {
        const auto zone = zone_of_variable(value);
        ASSERT_TRUE(zone) << value << ": " << zone.error().message;
        EXPECT_EQ(zone->offset_at(0), 3600) << value;
    }
    EXPECT_FALSE(zone_of_variable("Venus"));
    EXPECT_FALSE(zone_of_variable(":XYZ-1"));
}

TEST_F(ZoneFile, SaysWhichFileItIsNotIn) {
    const auto none = read_zone("Venus");
    ASSERT_FALSE(none);
    EXPECT_NE(none.error().message.find(directory_.path() + "/Venus"), std::string::npos);
    EXPECT_FALSE(read_zone("Broken"));
}

TEST_F(ZoneFile, AZoneThatASettingNamesMustBeThere) {
    config::Configuration configuration = cron("CRON_TZ=Venus 0 4 * * *");
    ASSERT_EQ(configuration.workers.size(), 1u);
    std::vector<std::string> errors;
    check_zones(configuration, errors);
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_NE(errors[0].find("PILOTFISH_WORKER_JOB_SCHEDULE"), std::string::npos) << errors[0];
    EXPECT_NE(errors[0].find("tzdata"), std::string::npos) << errors[0];
    configuration = cron("CRON_TZ=Mars 0 4 * * *");
    errors.clear();
    check_zones(configuration, errors);
    EXPECT_TRUE(errors.empty());
}

TEST_F(ZoneFile, OurOwnIsUtcWhereItCannotBeHadAndThatIsSaid) {
    setenv("TZ", "Venus", 1);
    config::Configuration configuration = cron("0 4 * * *");
    ASSERT_TRUE(configuration.workers.at(0).settings.schedule);
    const std::size_t before = configuration.warnings.size();
    std::vector<std::string> errors;
    check_zones(configuration, errors);
    EXPECT_TRUE(errors.empty());
    EXPECT_EQ(configuration.warnings.size(), before + 1);
    const auto zone = zone_of(*configuration.workers.at(0).settings.schedule);
    ASSERT_TRUE(zone);
    EXPECT_EQ(zone->offset_at(0), 0);
    setenv("TZ", "Mars", 1);
    EXPECT_EQ(zone_of(*configuration.workers.at(0).settings.schedule)->offset_at(0), 3600);
}

TEST_F(ZoneFile, AnIntervalHasNone) {
    setenv("TZ", "Venus", 1);
    config::Configuration configuration = cron("@every 10s");
    const std::size_t before = configuration.warnings.size();
    std::vector<std::string> errors;
    check_zones(configuration, errors);
    EXPECT_EQ(configuration.warnings.size(), before);
}

}  // namespace
}  // namespace pilotfish::daemon
