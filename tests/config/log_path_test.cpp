#include "config/log_path.h"

#include <gtest/gtest.h>

#include "config/load.h"
#include "tests/config/environment.h"

namespace pilotfish::config {
namespace {

WorkerSettings logging_to(std::string name, std::string path) {
    WorkerSettings worker;
    worker.name = std::move(name);
    worker.log = WorkerLog::file;
    worker.log_file = std::move(path);
    return worker;
}

TEST(LogPath, PutsTheInstanceIntoItsMark) {
    EXPECT_EQ(log_path(logging_to("web@12", "/l/{instance}/web-{instance}")), "/l/12/web-12");
    EXPECT_EQ(log_path(logging_to("web", "/l/web-{instance}")), "/l/web-1");
    EXPECT_EQ(log_path(logging_to("web", "/l/100%")), "/l/100%");
}

TEST(LogPath, CollidesWithItsOwnRotations) {
    EXPECT_TRUE(log_paths_collide("/l/a", "/l/a"));
    EXPECT_TRUE(log_paths_collide("/l/a", "/l/a.1"));
    EXPECT_TRUE(log_paths_collide("/l/a.20", "/l/a"));
    EXPECT_FALSE(log_paths_collide("/l/a", "/l/a.log"));
    EXPECT_FALSE(log_paths_collide("/l/a", "/l/a."));
    EXPECT_FALSE(log_paths_collide("/l/a", "/l/ab"));
}

TEST(LogPath, RefusesWhatIsNoRegularFile) {
    EXPECT_EQ(objection_to_log_path("/var/log/web.log"), "");
    EXPECT_NE(objection_to_log_path("web.log"), "");
    EXPECT_NE(objection_to_log_path("/var/log/"), "");
    EXPECT_NE(objection_to_log_path("/dev/stdout"), "");
    EXPECT_NE(objection_to_log_path("/proc/self/fd/1"), "");
    EXPECT_NE(objection_to_log_path("/l/{name}"), "");
}

TEST(LogSettings, AreReadAsAFileWithItsPath) {
    const Environment environment({"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_COMMAND=x",
                                   "PILOTFISH_WORKER_WEB_LOG=file:/l/web.log",
                                   "PILOTFISH_WORKER_WEB_LOG_MAX_SIZE=64Ki",
                                   "PILOTFISH_WORKER_WEB_LOG_MAX_FILES=0"});
    const Configuration configuration = accepted(load(environment.get(), as_run()));
    const WorkerConfiguration* web = configuration.find_worker("web");
    ASSERT_NE(web, nullptr);
    EXPECT_EQ(web->settings.log, WorkerLog::file);
    EXPECT_EQ(web->settings.log_file, "/l/web.log");
    EXPECT_EQ(web->settings.log_max_size.count, 65536u);
    EXPECT_EQ(web->settings.log_max_files, 0);
    EXPECT_EQ(web->settings.log_ring.count, 128u << 10);
}

TEST(LogSettings, ThatWouldDoNothingAreRefused) {
    EXPECT_NE(faults({"PILOTFISH_WORKER_MAIN_LOG_MAX_SIZE=64Ki"}).find("is there a file"),
              std::string::npos);
    EXPECT_NE(faults({"PILOTFISH_WORKER_MAIN_LOG_RING=64Ki"}).find("use tee, prefix"),
              std::string::npos);
    EXPECT_EQ(faults({"PILOTFISH_WORKER_MAIN_LOG_RING=0"}), "");
    EXPECT_EQ(faults({"PILOTFISH_WORKER_MAIN_LOG_RING=64Ki", "PILOTFISH_WORKER_MAIN_LOG=tee"}), "");
    EXPECT_NE(faults({"PILOTFISH_WORKER_MAIN_LOG_RING=1Ki", "PILOTFISH_WORKER_MAIN_LOG=tee"})
                  .find("is below 16Ki"),
              std::string::npos);
    EXPECT_NE(faults({"PILOTFISH_WORKER_MAIN_LOG=file:/dev/stdout"}).find("no regular file"),
              std::string::npos);
}

TEST(LogSettings, OfTwoWorkersNeedTwoFiles) {
    const std::string told = faults(
        {"PILOTFISH_WORKERS=a,b", "PILOTFISH_WORKER_A_COMMAND=x", "PILOTFISH_WORKER_B_COMMAND=x",
         "PILOTFISH_WORKER_A_LOG=file:/l/x", "PILOTFISH_WORKER_B_LOG=file:/l/x.2"},
        as_run());
    EXPECT_EQ(told,
              "cannot use PILOTFISH_WORKER_B_LOG=file:\"/l/x.2\": a writes to /l/x too, or renames "
              "it; each worker needs a file of its own");
}

}  // namespace
}  // namespace pilotfish::config
