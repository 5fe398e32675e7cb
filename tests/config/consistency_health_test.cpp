#include "config/consistency_health.h"

#include <gtest/gtest.h>

namespace pilotfish::config {
namespace {

constexpr const char* kPrefix = "PILOTFISH_WORKER_WEB_";

WorkerSettings worker() {
    WorkerSettings settings;
    settings.name = "web";
    settings.command = {"web"};
    return settings;
}

std::string faults_of(const WorkerSettings& settings) {
    std::vector<std::string> errors;
    std::vector<std::string> warnings;
    check_health(settings, kPrefix, errors, warnings);
    std::string text;
    for (const std::string& error : errors) text += error + "\n";
    for (const std::string& warning : warnings) text += "warning: " + warning + "\n";
    return text;
}

TEST(HealthConsistency, RefusesWhatWouldDoNothing) {
    EXPECT_EQ(faults_of(worker()), "");
    WorkerSettings settings = worker();
    settings.ready_timeout = std::chrono::seconds(5);
    EXPECT_NE(faults_of(settings).find("READY_TIMEOUT: web has no READY"), std::string::npos);
    settings.ready.kind = ReadySetting::Kind::notify;
    EXPECT_EQ(faults_of(settings), "");
    settings.ready_interval = std::chrono::seconds(5);
    EXPECT_NE(faults_of(settings).find("READY_INTERVAL"), std::string::npos)
        << "who tells by itself is not asked";
    settings = worker();
    settings.liveness_failures = {5};
    EXPECT_NE(faults_of(settings).find("LIVENESS_FAILURES: web has no LIVENESS"),
              std::string::npos);
    settings = worker();
    settings.livez = true;
    EXPECT_NE(faults_of(settings).find("LIVEZ"), std::string::npos);
    settings.watchdog = std::chrono::seconds(10);
    EXPECT_EQ(faults_of(settings), "");
}

TEST(HealthConsistency, RefusesAPatternForLinesThatAreNotSeen) {
    WorkerSettings settings = worker();
    settings.ready.kind = ReadySetting::Kind::log_line;
    settings.ready.pattern = "up";
    EXPECT_EQ(faults_of(settings), "");
    settings.log = WorkerLog::inherit;
    EXPECT_NE(faults_of(settings).find("READY=log:up: by PILOTFISH_WORKER_WEB_LOG=inherit"),
              std::string::npos);
    settings.log = WorkerLog::none;
    EXPECT_NE(faults_of(settings), "");
}

TEST(HealthConsistency, LeavesAPluginsReadinessToThePlugin) {
    WorkerSettings settings = worker();
    settings.command.clear();
    settings.plugin = "/x.so";
    settings.ready.kind = ReadySetting::Kind::notify;
    EXPECT_NE(faults_of(settings).find("READY with a plugin"), std::string::npos);
    settings.ready = {};
    settings.watchdog = std::chrono::seconds(5);
    EXPECT_NE(faults_of(settings).find("WATCHDOG with a plugin"), std::string::npos);
    settings.watchdog = {};
    settings.liveness.probe.emplace();
    EXPECT_EQ(faults_of(settings), "");
}

TEST(HealthConsistency, KnowsNoReadinessOfWhatComesAndGoes) {
    WorkerSettings settings = worker();
    settings.kind = WorkerKind::oneshot;
    settings.ready.kind = ReadySetting::Kind::notify;
    EXPECT_NE(faults_of(settings).find("READY with PILOTFISH_WORKER_WEB_KIND=oneshot: others wait "
                                       "for its end"),
              std::string::npos)
        << faults_of(settings);
    settings.kind = WorkerKind::cron;
    EXPECT_NE(faults_of(settings).find("READY with PILOTFISH_WORKER_WEB_KIND=cron"),
              std::string::npos);
    settings.ready = {};
    settings.liveness.probe.emplace();
    settings.watchdog = std::chrono::seconds(5);
    EXPECT_EQ(faults_of(settings), "") << "what hangs is ended, whatever its kind";
}

TEST(HealthConsistency, WarnsOfAWatchdogThatAThrottledContainerMisses) {
    WorkerSettings settings = worker();
    settings.watchdog = std::chrono::milliseconds(200);
    EXPECT_NE(faults_of(settings).find("warning: "), std::string::npos);
}

}  // namespace
}  // namespace pilotfish::config
