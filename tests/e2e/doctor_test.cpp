// `pilotfish doctor` and /debug/capabilities, of this machine whatever it allows.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"

namespace pilotfish::e2e {
namespace {

class DoctorCommand : public EndToEnd {};

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST_F(DoctorCommand, LooksAtEverythingAndSaysSoToPeopleAndPrograms) {
    const Outcome json = run({pilotfish(), "doctor", "--json"});
    // Whether anything is wrong with this machine is not ours to say.
    const End end = exited(has(json.out, R"("failed":0,)") ? 0 : 1);
    EXPECT_EQ(json.end, end) << json.out << json.err;
    EXPECT_TRUE(has(json.out, R"("item":"memory limit")")) << json.out;
    const Outcome text = run({pilotfish(), "doctor"});
    EXPECT_EQ(text.end, end) << text.out << text.err;
    for (const char* item : {"settings", "CPU limit", "memory limit", "first process", "open files",
                             "probes", "access", "stacks of workers", "profiles of workers"})
        EXPECT_TRUE(has(text.out, item)) << item << " in " << text.out;
}

TEST_F(DoctorCommand, FailsWhereTheStartWould) {
    const Outcome outcome = run({pilotfish(), "doctor"}, {.env = {{"PILOTFISH_MAXPROCS", "many"}}});
    EXPECT_EQ(outcome.end, exited(1)) << outcome.out;
    EXPECT_TRUE(has(outcome.out, "failed: ")) << outcome.out;
    EXPECT_TRUE(has(outcome.out, "PILOTFISH_MAXPROCS")) << outcome.out;
    EXPECT_TRUE(has(outcome.out, "memory limit")) << "the rest is looked at all the same";
}

TEST_F(DoctorCommand, TheDaemonTellsWhatItsDiagnosticsCanDo) {
    const int port = free_port();
    Process daemon({pilotfish(), "run"},
                   {.env = {{"PILOTFISH_ADMIN_LISTEN", "127.0.0.1:" + std::to_string(port)},
                            {"PILOTFISH_WORKERS", "one"},
                            {"PILOTFISH_WORKER_ONE_COMMAND", "sh -c 'echo up; sleep 1000'"}}});
    daemon.wait_line("up");
    const auto before = children_of(daemon.pid());
    for (int i = 0; i < 3; ++i) {
        const auto answer = http_get(port, "/debug/capabilities");
        EXPECT_EQ(answer.status, 200);
        EXPECT_TRUE(has(answer.body, R"("item":"stacks of workers")")) << answer.body;
    }
    EXPECT_EQ(children_of(daemon.pid()), before) << "what it was tried on is gone";
    EXPECT_TRUE(has(http_get(port, "/metrics").body, "pilotfish_worker_up{worker=\"one\"} 1\n"));
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

}  // namespace
}  // namespace pilotfish::e2e
