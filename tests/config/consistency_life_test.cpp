#include "config/consistency_life.h"

#include <gtest/gtest.h>

#include "tests/config/environment.h"

namespace pilotfish::config {
namespace {

// Of two workers, `web` and `job`, with these beside their commands.
std::string faults_of(std::initializer_list<std::string> more) {
    std::string whole = faults({"PILOTFISH_WORKERS=web,job", "PILOTFISH_WORKER_WEB_COMMAND=x",
                                "PILOTFISH_WORKER_JOB_COMMAND=x", *more.begin(),
                                more.size() > 1 ? *(more.begin() + 1) : "A=",
                                more.size() > 2 ? *(more.begin() + 2) : "A="},
                               as_run());
    return whole;
}

TEST(ConsistencyLife, AScheduleAndACronWorkerBelongTogether) {
    EXPECT_EQ(
        faults_of({"PILOTFISH_WORKER_JOB_SCHEDULE=@daily"}),
        "cannot use PILOTFISH_WORKER_JOB_SCHEDULE=\"@daily\": only a cron worker has one; set "
        "PILOTFISH_WORKER_JOB_KIND to cron");
    EXPECT_EQ(faults_of({"PILOTFISH_WORKER_JOB_KIND=cron"}),
              "cannot run worker job: it is a cron worker and has no times; set "
              "PILOTFISH_WORKER_JOB_SCHEDULE");
    EXPECT_EQ(faults_of({"PILOTFISH_WORKER_JOB_KIND=cron", "PILOTFISH_WORKER_JOB_SCHEDULE=@daily"}),
              "");
    // One fault, told once.
    EXPECT_EQ(faults_of({"PILOTFISH_WORKER_JOB_KIND=cron", "PILOTFISH_WORKER_JOB_SCHEDULE=* *"}),
              "cannot use PILOTFISH_WORKER_JOB_SCHEDULE=\"* *\": it has 2 fields and not five; it "
              "needs five fields of cron such as 0 4 * * MON-FRI, @daily, or @every 30s");
}

TEST(ConsistencyLife, AFaultyScheduleOfAFileIsOneFaultToo) {
    const Environment environment({"PILOTFISH_CONFIG=/p.json"});
    const auto loaded =
        load(environment.get(), as_run(), [](const std::string&) -> core::Result<std::string> {
            return std::string(R"({"workers": {"job": {"command": "x", "kind": "cron",)"
                               R"( "schedule": "* *"}}})");
        });
    ASSERT_FALSE(loaded.ok());
    EXPECT_EQ(loaded.error().message.find("it is a cron worker and has no times"),
              std::string::npos)
        << loaded.error().message;
}

TEST(ConsistencyLife, TheKindDecidesAboutRestartUnlessItIsSet) {
    const auto restart = [](std::string kind, std::string more, std::string name) {
        const Environment environment(
            {"PILOTFISH_WORKERS=job,main", "PILOTFISH_WORKER_JOB_COMMAND=x",
             "PILOTFISH_WORKER_MAIN_COMMAND=x", "PILOTFISH_WORKER_JOB_KIND=" + kind,
             "PILOTFISH_WORKER_MAIN_KIND=" + kind, more});
        const Configuration loaded = accepted(load(environment.get(), as_run()));
        const WorkerConfiguration* const worker = loaded.find_worker(name);
        return worker == nullptr ? RestartPolicy::always : worker->settings.restart;
    };
    EXPECT_EQ(restart("oneshot", "A=", "job"), RestartPolicy::on_failure);
    EXPECT_EQ(restart("oneshot", "PILOTFISH_WORKER_JOB_RESTART=never", "job"),
              RestartPolicy::never);
    EXPECT_EQ(restart("oneshot", "A=", "main"), RestartPolicy::never);
    EXPECT_NE(
        faults_of({"PILOTFISH_WORKER_JOB_KIND=oneshot", "PILOTFISH_WORKER_JOB_RESTART=always"}),
        "");
    EXPECT_NE(faults_of({"PILOTFISH_WORKER_JOB_KIND=cron", "PILOTFISH_WORKER_JOB_SCHEDULE=@daily",
                         "PILOTFISH_WORKER_JOB_RESTART=always"}),
              "");
}

TEST(ConsistencyLife, ALimitOfRestartsNeedsRestarts) {
    EXPECT_EQ(faults_of({"PILOTFISH_WORKER_JOB_RESTART=never",
                         "PILOTFISH_WORKER_JOB_RESTART_LIMIT=5/1m"}),
              "cannot use PILOTFISH_WORKER_JOB_RESTART_LIMIT=5/1m: job is never restarted by its "
              "RESTART; leave it out");
}

TEST(ConsistencyLife, NobodyWaitsForAStrangerOrForACronWorker) {
    EXPECT_EQ(faults_of({"PILOTFISH_WORKER_WEB_NEEDS=db"}),
              "cannot use PILOTFISH_WORKER_WEB_NEEDS: no worker db is declared; add it to "
              "PILOTFISH_WORKERS");
    for (const std::string setting : {"AFTER", "NEEDS"}) {
        EXPECT_EQ(
            faults_of({"PILOTFISH_WORKER_JOB_KIND=cron", "PILOTFISH_WORKER_JOB_SCHEDULE=@daily",
                       "PILOTFISH_WORKER_WEB_" + setting + "=job"}),
            "cannot use PILOTFISH_WORKER_WEB_" + setting +
                ": job is a cron worker, which runs now and then and has no start that "
                "others could wait for; make it a oneshot, or leave it out");
    }
}

TEST(ConsistencyLife, ACircleOverBothIsNamed) {
    EXPECT_EQ(faults_of({"PILOTFISH_WORKER_WEB_NEEDS=job", "PILOTFISH_WORKER_JOB_AFTER=web"}),
              "cannot order the workers: AFTER and NEEDS go in a circle, web -> job -> web");
}

TEST(ConsistencyLife, MainIsOne) {
    EXPECT_NE(faults({"PILOTFISH_WORKER_MAIN_INSTANCES=2"}), "");
    EXPECT_EQ(faults({"PILOTFISH_WORKER_MAIN_INSTANCES=1"}), "");
}

}  // namespace
}  // namespace pilotfish::config
