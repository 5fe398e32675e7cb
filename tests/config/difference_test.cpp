#include "config/difference.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/config/environment.h"

namespace pilotfish::config {
namespace {

Configuration run_with(std::initializer_list<std::string> entries) {
    const Environment environment(entries);
    core::Result<Configuration> loaded = load(environment.get(), as_run());
    EXPECT_TRUE(loaded.ok()) << loaded.error().message;
    return accepted(loaded);
}

TEST(Difference, OfTheSameThereIsNone) {
    const auto one = run_with({"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_COMMAND=x",
                               "PILOTFISH_WORKER_WEB_ENV_A=1", "PILOTFISH_WORKER_WEB_ENV_B=2"});
    // The order in which variables stand means nothing.
    const auto other = run_with({"PILOTFISH_WORKER_WEB_ENV_B=2", "PILOTFISH_WORKERS=web",
                                 "PILOTFISH_WORKER_WEB_COMMAND=x", "PILOTFISH_WORKER_WEB_ENV_A=1"});
    const Difference none = difference(one, other);
    EXPECT_TRUE(none.changes_nothing());
    EXPECT_TRUE(none.kept.empty());
    EXPECT_EQ(none.text(), "");
}

TEST(Difference, TellsWorkersThatComeGoAndChange) {
    const auto before = run_with({"PILOTFISH_WORKERS=web,db,old", "PILOTFISH_WORKER_WEB_COMMAND=x",
                                  "PILOTFISH_WORKER_DB_COMMAND=y", "PILOTFISH_WORKER_OLD_COMMAND=z",
                                  "PILOTFISH_WORKER_WEB_RLIMIT_NOFILE=100"});
    const auto after =
        run_with({"PILOTFISH_WORKERS=db,web,young", "PILOTFISH_WORKER_WEB_COMMAND=x",
                  "PILOTFISH_WORKER_DB_COMMAND=y", "PILOTFISH_WORKER_YOUNG_COMMAND=z",
                  "PILOTFISH_WORKER_WEB_RLIMIT_NOFILE=200", "PILOTFISH_WORKER_WEB_CWD=/srv"});
    const Difference now = difference(before, after);
    EXPECT_EQ(now.added, Names{"young"});
    EXPECT_EQ(now.removed, Names{"old"});
    ASSERT_EQ(now.changed.size(), 1u) << now.text();
    EXPECT_EQ(now.text(),
              "worker old is removed\nworker young is added\nworker web is restarted\n"
              "  PILOTFISH_WORKER_WEB_CWD: unset -> /srv\n"
              "  PILOTFISH_WORKER_WEB_RLIMIT_NOFILE: 100 -> 200");
}

TEST(Difference, SecretsAreComparedAndNeverShown) {
    const auto before =
        run_with({"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_COMMAND=x",
                  "PILOTFISH_READ_TOKEN=s3cret1", "PILOTFISH_WORKER_WEB_ENV_P=s3cret1"});
    const auto after =
        run_with({"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_COMMAND=x",
                  "PILOTFISH_READ_TOKEN=s3cret2", "PILOTFISH_WORKER_WEB_ENV_P=s3cret2"});
    const Difference now = difference(before, after);
    EXPECT_EQ(now.kept.size(), 1u);
    EXPECT_EQ(now.changed.size(), 1u);
    EXPECT_EQ(now.text().find("s3cret"), std::string::npos) << now.text();
    EXPECT_EQ(now.json().find("s3cret"), std::string::npos) << now.json();
}

TEST(Difference, WhatARunningDaemonCannotChangeIsKept) {
    const auto before = run_with({"PILOTFISH_STOP_TIMEOUT=5s"});
    const auto after = run_with({"PILOTFISH_STOP_TIMEOUT=6s", "PILOTFISH_SUBREAPER=false"});
    const Difference now = difference(before, after);
    const std::vector<SettingChange> live{{"PILOTFISH_STOP_TIMEOUT", "5s", "6s"}};
    const std::vector<SettingChange> kept{{"PILOTFISH_SUBREAPER", "true", "false"}};
    EXPECT_EQ(now.settings, live);
    EXPECT_EQ(now.kept, kept);
    const Configuration in_effect = with_kept(before, after);
    EXPECT_EQ(in_effect.settings.stop_timeout, std::chrono::seconds(6));
    EXPECT_TRUE(in_effect.settings.subreaper);
    EXPECT_FALSE(in_effect.is_set("SUBREAPER"));
    // It is told again at each reload until it holds.
    EXPECT_EQ(difference(in_effect, after).kept, kept);
    EXPECT_TRUE(difference(in_effect, after).changes_nothing());
}

TEST(Difference, AnInstanceIsNotChangedByTheNumberOfOthers) {
    const auto instances = [](const std::string& count) {
        return run_with({"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_COMMAND=x",
                         "PILOTFISH_WORKER_WEB_INSTANCES=" + count});
    };
    const Difference now = difference(instances("2"), instances("3"));
    EXPECT_TRUE(now.changed.empty()) << now.text();
    EXPECT_EQ(now.added, Names{"web@3"});
}

TEST(Difference, WhatFollowsFromOtherSettingsRestartsNobody) {
    Invocation invocation = as_run();
    invocation.command = {"app"};
    const auto with = [&](const std::string& entry) {
        const Environment environment({entry});
        return accepted(load(environment.get(), invocation));
    };
    const Configuration main = with("PILOTFISH_STOP_TIMEOUT=5s");
    EXPECT_TRUE(difference(main, with("PILOTFISH_STOP_TIMEOUT=6s")).changed.empty());
    EXPECT_EQ(difference(main, with("PILOTFISH_WORKER_MAIN_STOP_TIMEOUT=1s")).changed.size(), 1u);

    const auto text = run_with({"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_COMMAND=x"});
    const auto json = run_with({"PILOTFISH_WORKERS=web,young", "PILOTFISH_WORKER_WEB_COMMAND=x",
                                "PILOTFISH_WORKER_YOUNG_COMMAND=x", "PILOTFISH_LOG_FORMAT=json"});
    EXPECT_TRUE(difference(text, json).changed.empty());
    const Configuration in_effect = with_kept(text, json);
    ASSERT_NE(in_effect.find_worker("young"), nullptr);
    EXPECT_EQ(in_effect.find_worker("young")->settings.log, WorkerLog::prefix)
        << "its format is not applied before the next start";
}

TEST(Difference, AFixedMainStaysAsItIs) {
    const std::initializer_list<std::string> command = {"PILOTFISH_WORKERS=main",
                                                        "PILOTFISH_WORKER_MAIN_COMMAND=x"};
    const auto before = run_with(command);
    const auto after = run_with({"PILOTFISH_WORKERS=main", "PILOTFISH_WORKER_MAIN_COMMAND=y"});
    const Difference now = difference(before, after, {.main_is_fixed = true});
    EXPECT_TRUE(now.changes_nothing());
    ASSERT_EQ(now.kept.size(), 1u);
    EXPECT_EQ(now.kept[0].variable, "PILOTFISH_WORKER_MAIN_COMMAND");
    EXPECT_EQ(with_kept(before, after, {.main_is_fixed = true}).workers[0].settings.command,
              Command{"x"});
}

TEST(Difference, ProgramsReadItAsJson) {
    const auto before = run_with({"PILOTFISH_STOP_TIMEOUT=5s"});
    const auto after = run_with({"PILOTFISH_STOP_TIMEOUT=6s", "PILOTFISH_ADMIN_LISTEN=off",
                                 "PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_COMMAND=x"});
    const auto json = nlohmann::json::parse(difference(before, after).json());
    EXPECT_EQ(json["settings"][0], nlohmann::json({{"name", "PILOTFISH_STOP_TIMEOUT"},
                                                   {"before", "5s"},
                                                   {"after", "6s"},
                                                   {"applied", true}}));
    EXPECT_EQ(json["settings"][1]["applied"], false);
    EXPECT_EQ(json["workers"]["added"], nlohmann::json({"web"}));
    EXPECT_TRUE(json["workers"]["removed"].empty());
    EXPECT_TRUE(json["workers"]["changed"].empty());
}

}  // namespace
}  // namespace pilotfish::config
