// The exit status of entrypoint mode, and what it says of a command that cannot be run.
#include <sys/stat.h>

#include <csignal>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"
#include "tests/support/test_support.h"

namespace pilotfish::e2e {
namespace {

class ExitStatus : public EndToEnd {};

TEST_F(ExitStatus, IsTheWorkersOwn) {
    for (const int code : {0, 1, 7, 125, 255})
        EXPECT_EQ(run(entrypoint({"sh", "-c", "exit " + std::to_string(code)})).end, exited(code));
}

TEST_F(ExitStatus, Is128PlusTheSignalThatKilledTheWorker) {
    for (const int number : {SIGKILL, SIGTERM, SIGSEGV, SIGHUP, SIGRTMIN + 3})
        EXPECT_EQ(run(entrypoint({"sh", "-c", "kill -" + std::to_string(number) + " $$"})).end,
                  exited(128 + number));
}

TEST_F(ExitStatus, Is127ForACommandThatIsNotThereAndNamesIt) {
    for (const std::string command : {"no-such-command-here", "/no/such/path"}) {
        const Outcome outcome = run(entrypoint({command}));
        EXPECT_EQ(outcome.end, exited(127));
        EXPECT_NE(outcome.err.find(command), std::string::npos) << outcome.err;
    }
}

TEST_F(ExitStatus, Is126ForADirectoryAndForAFileThatIsNotExecutable) {
    const tests::TempDir dir;
    dir.write("text", "no program\n");
    for (const std::string& command : {dir.path(), dir.path() + "/text"}) {
        const Outcome outcome = run(entrypoint({command}));
        EXPECT_EQ(outcome.end, exited(126)) << command;
        EXPECT_NE(outcome.err.find(command), std::string::npos) << outcome.err;
    }
}

TEST_F(ExitStatus, Is127ForAScriptWhoseInterpreterIsNotThere) {
    const tests::TempDir dir;
    dir.write("script", "#!/no/such/interpreter\n");
    ASSERT_EQ(chmod((dir.path() + "/script").c_str(), 0755), 0);
    EXPECT_EQ(run(entrypoint({dir.path() + "/script"})).end, exited(127));
}

TEST_F(ExitStatus, Is2ForAnEmptyCommandLine) {
    for (const std::vector<std::string>& line : {std::vector<std::string>{pilotfish(), "--"},
                                                 {pilotfish(), "--", ""},
                                                 {pilotfish(), "no-such-subcommand"}}) {
        const Outcome outcome = run(line);
        EXPECT_EQ(outcome.end, exited(2)) << outcome.err;
        EXPECT_NE(outcome.err, "");
    }
}

TEST_F(ExitStatus, Is2ForASettingOutOfRangeAndNamesItsValue) {
    const Outcome outcome = run(entrypoint({"true"}), {.env = {{"PILOTFISH_STOP_TIMEOUT", "25"}}});
    EXPECT_EQ(outcome.end, exited(2));
    EXPECT_NE(outcome.err.find("PILOTFISH_STOP_TIMEOUT"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("25"), std::string::npos) << outcome.err;
}

TEST_F(ExitStatus, Is2ForAnUnknownSettingAndNamesTheNearest) {
    const Outcome outcome = run(entrypoint({"true"}), {.env = {{"PILOTFISH_STOP_TIMEOT", "25s"}}});
    EXPECT_EQ(outcome.end, exited(2));
    EXPECT_NE(outcome.err.find("PILOTFISH_STOP_TIMEOUT"), std::string::npos) << outcome.err;
    EXPECT_EQ(run(entrypoint({"true"}),
                  {.env = {{"PILOTFISH_STOP_TIMEOT", "25s"}, {"PILOTFISH_STRICT", "false"}}})
                  .end,
              exited(0));
}

TEST_F(ExitStatus, IsUntouchedByTheVariablesOfAKubernetesServiceCalledPilotfish) {
    EXPECT_EQ(run(entrypoint({"true"}), {.env = {{"PILOTFISH_PORT", "tcp://10.0.0.1:9911"},
                                                 {"PILOTFISH_SERVICE_HOST", "10.0.0.1"},
                                                 {"PILOTFISH_SERVICE_PORT", "9911"},
                                                 {"PILOTFISH_SERVICE_PORT_ADMIN", "9911"},
                                                 {"PILOTFISH_PORT_9911_TCP", "tcp://10.0.0.1:9911"},
                                                 {"PILOTFISH_PORT_9911_TCP_PROTO", "tcp"},
                                                 {"PILOTFISH_PORT_9911_TCP_PORT", "9911"},
                                                 {"PILOTFISH_PORT_9911_TCP_ADDR", "10.0.0.1"}}})
                  .end,
              exited(0));
}

TEST_F(ExitStatus, IsToldInTheLastLogLineAndAppendedToTheTerminationLog) {
    const tests::TempDir dir;
    dir.write("log", "the worker was here\n");
    const Outcome outcome = run(entrypoint({"sh", "-c", "exit 3"}),
                                {.env = {{"PILOTFISH_TERMINATION_LOG", dir.path() + "/log"}}});
    EXPECT_EQ(outcome.end, exited(3));
    const std::string log = tests::read_file(dir.path() + "/log");
    EXPECT_TRUE(log.starts_with("the worker was here\n")) << log;
    EXPECT_NE(log.find("main"), std::string::npos) << log;
    EXPECT_NE(log.find("3", 20), std::string::npos) << log;
    ASSERT_FALSE(outcome.err.empty());
    const std::size_t last = outcome.err.rfind('\n', outcome.err.size() - 2);
    EXPECT_NE(outcome.err.find("main", last == std::string::npos ? 0 : last), std::string::npos)
        << outcome.err;
}

TEST_F(ExitStatus, LeavesATerminationLogOf4096BytesNoLonger) {
    const tests::TempDir dir;
    const std::string full(4090, 'w');
    dir.write("log", full);
    run(entrypoint({"sh", "-c", "exit 3"}),
        {.env = {{"PILOTFISH_TERMINATION_LOG", dir.path() + "/log"}}});
    const std::string log = tests::read_file(dir.path() + "/log");
    EXPECT_LE(log.size(), 4096u);
    EXPECT_TRUE(log.starts_with(full));
}

}  // namespace
}  // namespace pilotfish::e2e
