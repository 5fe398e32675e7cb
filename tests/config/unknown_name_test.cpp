#include "config/unknown_name.h"

#include <gtest/gtest.h>

#include "tests/config/environment.h"

namespace pilotfish::config {
namespace {

constexpr const char* kHint = " (PILOTFISH_STRICT=false ignores unknown names)";

std::string said_of(const std::string& variable) {
    const Environment environment({"PILOTFISH_WORKERS=web,log-shipper",
                                   "PILOTFISH_WORKER_WEB_COMMAND=x",
                                   "PILOTFISH_WORKER_LOG_SHIPPER_COMMAND=x"});
    return explain_unknown(variable, accepted(load(environment.get(), as_run())));
}

TEST(UnknownName, SuggestsTheNearestSettingOfTheDaemon) {
    EXPECT_EQ(
        said_of("PILOTFISH_ADMIN_LISTN"),
        std::string("there is no such setting; did you mean PILOTFISH_ADMIN_LISTEN?") + kHint);
    EXPECT_EQ(said_of("PILOTFISH_DRAINDELAY"),
              std::string("there is no such setting; did you mean PILOTFISH_DRAIN_DELAY?") + kHint);
}

TEST(UnknownName, SuggestsTheNearestSettingOfADeclaredWorker) {
    EXPECT_EQ(said_of("PILOTFISH_WORKER_WEB_RESTRT"),
              std::string("there is no such setting; did you mean PILOTFISH_WORKER_WEB_RESTART?") +
                  kHint);
}

TEST(UnknownName, SuggestsTheNearestDeclaredWorker) {
    EXPECT_EQ(said_of("PILOTFISH_WORKER_LOGSHIPPER_STOP_TIMEOUT"),
              std::string("no worker logshipper is declared; did you mean "
                          "PILOTFISH_WORKER_LOG_SHIPPER_STOP_TIMEOUT?") +
                  kHint);
    EXPECT_EQ(
        said_of("PILOTFISH_WORKER_WBE_ENV_PATH"),
        std::string("no worker wbe is declared; did you mean PILOTFISH_WORKER_WEB_ENV_PATH?") +
            kHint);
}

TEST(UnknownName, SaysHowToDeclareAWorkerThatResemblesNone) {
    EXPECT_EQ(said_of("PILOTFISH_WORKER_CACHE_DB_COMMAND"),
              std::string("no worker cache-db is declared: add it to PILOTFISH_WORKERS") + kHint);
}

TEST(UnknownName, PointsToTheListWhenNothingIsNear) {
    EXPECT_EQ(said_of("PILOTFISH_ZZZZZZZZ"),
              std::string("there is no such setting: pilotfish help settings lists them") + kHint);
    EXPECT_EQ(said_of("PILOTFISH_"),
              std::string("there is no such setting: pilotfish help settings lists them") + kHint);
    EXPECT_EQ(said_of("PILOTFISH_WORKER_"),
              std::string("there is no such setting; did you mean PILOTFISH_WORKERS?") + kHint);
}

TEST(UnknownName, SaysWithEachSettingWhetherItIsOneOfAWorker) {
    EXPECT_EQ(find_worker_setting("RESTART")->name, "RESTART");
    EXPECT_EQ(find_worker_setting("ENV_PATH")->name, "ENV_");
    EXPECT_EQ(find_worker_setting("ENV_"), nullptr);
    EXPECT_EQ(find_worker_setting("RESTARTS"), nullptr);
    EXPECT_EQ(find_worker_setting(""), nullptr);
}

}  // namespace
}  // namespace pilotfish::config
