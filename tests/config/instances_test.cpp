#include "config/instances.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "config/resolved_settings.h"
#include "config/setting_table.h"
#include "tests/config/environment.h"

namespace pilotfish::config {
namespace {

Configuration two_of_web() {
    const Environment environment(
        {"PILOTFISH_WORKERS=db,web", "PILOTFISH_WORKER_DB_COMMAND=x",
         "PILOTFISH_WORKER_WEB_COMMAND=y", "PILOTFISH_WORKER_WEB_INSTANCES=2",
         "PILOTFISH_WORKER_WEB_STOP_TIMEOUT=3s", "PILOTFISH_WORKER_DB_AFTER=web"});
    return accepted(load(environment.get(), as_run()));
}

TEST(Instances, StandSideBySideWithTheSettingsOfTheirDeclaration) {
    const Configuration loaded = two_of_web();
    ASSERT_EQ(loaded.workers.size(), 3u);
    EXPECT_EQ(loaded.workers[0].settings.name, "db");
    for (int instance = 1; instance <= 2; ++instance) {
        const WorkerSettings& web = loaded.workers[static_cast<std::size_t>(instance)].settings;
        EXPECT_EQ(web.name, "web@" + std::to_string(instance));
        EXPECT_EQ(declared_name(web), "web");
        EXPECT_EQ(web.instance, instance);
        EXPECT_EQ(web.stop_timeout, std::chrono::seconds(3));
    }
}

TEST(Instances, OneIsTheWorkerItself) {
    const Configuration loaded = two_of_web();
    ASSERT_FALSE(loaded.workers.empty());
    EXPECT_EQ(declared_name(loaded.workers[0].settings), "db");
    EXPECT_EQ(loaded.workers[0].settings.instance, 1);
}

TEST(Instances, AreShownOnceByTheirDeclaration) {
    const auto shown = resolved_settings(two_of_web());
    EXPECT_EQ(std::count_if(shown.begin(), shown.end(),
                            [](const ResolvedSetting& setting) {
                                return setting.variable == "PILOTFISH_WORKER_WEB_COMMAND";
                            }),
              1);
    EXPECT_TRUE(std::all_of(shown.begin(), shown.end(), [](const ResolvedSetting& setting) {
        return setting.worker.find('@') == std::string::npos;
    }));
}

TEST(Instances, HaveTheVariablesOfTheirDeclaration) {
    EXPECT_EQ(worker_variable_prefix("web-api@12"), "PILOTFISH_WORKER_WEB_API_");
}

}  // namespace
}  // namespace pilotfish::config
