// As whom a worker runs, and its hooks: the real binary, as root and as nobody.
#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"
#include "tests/support/test_support.h"

namespace pilotfish::e2e {
namespace {

using Settings = std::map<std::string, std::string>;

class IdentityOfAWorker : public EndToEnd {
  protected:
    void SetUp() override {
        EndToEnd::SetUp();
        if (geteuid() != 0) GTEST_SKIP() << "needs root";
    }
};
class Hooks : public EndToEnd {};

StartOptions with(const Settings& settings) {
    StartOptions options;
    options.env["PILOTFISH_ADMIN_LISTEN"] = "off";
    for (const auto& [name, value] : settings) options.env["PILOTFISH_WORKER_MAIN_" + name] = value;
    return options;
}

StartOptions as_nobody(const Settings& settings) {
    StartOptions options = with(settings);
    options.in_child = [] {
        if (setgroups(0, nullptr) != 0 || setgid(65534) != 0 || setuid(65534) != 0 ||
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
            _exit(99);
    };
    return options;
}

Outcome shell(const std::string& script, const StartOptions& options) {
    return run(entrypoint({"sh", "-c", script}), options);
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST_F(IdentityOfAWorker, IsWhatItsSettingsSay) {
    const Outcome outcome = shell(
        "id -u; id -g; umask; nice; echo \"$HOME [$USER] [$LOGNAME]\"; "
        "grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status",
        with({{"USER", "12345:23456"},
              {"UMASK", "027"},
              {"NICE", "3"},
              {"CAPABILITIES", "cap_net_bind_service"},
              {"NO_NEW_PRIVS", "true"}}));
    EXPECT_EQ(outcome.end, exited(0)) << outcome.err;
    EXPECT_EQ(outcome.out,
              "12345\n23456\n0027\n3\n/ [] []\n"
              "CapEff:\t0000000000000400\nCapBnd:\t0000000000000400\nNoNewPrivs:\t1\n");
}

TEST_F(IdentityOfAWorker, HasTheFurtherGroupsOfItsSetting) {
    StartOptions options = with({{"USER", "12345"}, {"GROUP", "23456,2000,2001"}});
    options.in_child = [] {
        const gid_t of_the_volume = 3000;  // as an orchestrator's fsGroup: the daemon's own
        if (setgroups(1, &of_the_volume) != 0) _exit(99);
    };
    const std::string ask = "id -g; grep ^Groups: /proc/self/status | tr -s '\\t ' ' '";
    const Outcome listed = shell(ask, options);
    EXPECT_EQ(listed.end, exited(0)) << listed.err;
    EXPECT_EQ(listed.out, "23456\nGroups: 2000 2001 \n");
    options.env.erase("PILOTFISH_WORKER_MAIN_USER");
    const Outcome on_top = shell(ask, options);
    EXPECT_EQ(on_top.end, exited(0)) << on_top.err;
    EXPECT_EQ(on_top.out, "23456\nGroups: 2000 2001 3000 \n");
}

TEST_F(IdentityOfAWorker, AsRootMayBeNobodyAndIsStoppedAllTheSame) {
    Process daemon(
        entrypoint({"sh", "-c", "trap 'exit 7' TERM; id -un; while :; do sleep 0.01; done"}),
        with({{"USER", "nobody"}}));
    daemon.wait_line("nobody");
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(7));
}

TEST_F(IdentityOfAWorker, OfADaemonWithoutRootIsItsOwn) {
    EXPECT_EQ(
        shell("id -u",
              as_nobody({{"USER", "65534"}, {"CAPABILITIES", "none"}, {"NO_NEW_PRIVS", "true"}}))
            .out,
        "65534\n");
    const Outcome refused = shell("id -u", as_nobody({{"USER", "12345"}}));
    EXPECT_EQ(refused.end, exited(125));
    EXPECT_TRUE(has(refused.err, "(needs CAP_SETGID, which the daemon has not got)"))
        << refused.err;
}

TEST_F(IdentityOfAWorker, WhoIsNotThereIsAFailedStart) {
    const Outcome outcome = shell("true", with({{"USER", "nosuchuser"}}));
    EXPECT_EQ(outcome.end, exited(125));
    EXPECT_TRUE(has(outcome.err, "cannot find the user \"nosuchuser\" in /etc/passwd"))
        << outcome.err;
}

TEST_F(IdentityOfAWorker, WithADeathSignalEndsWithTheDaemon) {
    // The threads that come and go while it runs are not the daemon.
    Process daemon(entrypoint({"sh", "-c", "echo pid $$; exec sleep 1000"}),
                   with({{"PDEATHSIG", "KILL"}, {"USER", "12345"}}));
    const pid_t worker = std::stoi(daemon.wait_line("pid ").substr(4));
    EXPECT_TRUE(eventually([&] { return command_of(worker) == "sleep"; }));
    daemon.signal(SIGKILL);
    EXPECT_EQ(daemon.wait(), killed_by(SIGKILL));
    EXPECT_TRUE(eventually(
        [&] { return status_field(worker, "State").starts_with("Z") || !exists(worker); }));
}

TEST_F(Hooks, FilesOfVariablesAreUnderEnvAndOverWhatIsInherited) {
    const tests::TempDir dir;
    dir.write("web.env", "A=file\nB=file\n# no\nC='a b'\n");
    StartOptions options =
        with({{"ENVFILE", dir.path() + "/web.env,-/no/such/file"}, {"ENV_B", "env"}});
    options.env["A"] = "inherited";
    EXPECT_EQ(shell("echo $A $B \"$C\"", options).out, "file env a b\n");
    const Outcome refused = shell("true", with({{"ENVFILE", "/no/such/file"}}));
    EXPECT_EQ(refused.end, exited(125));
    EXPECT_TRUE(has(refused.err, "cannot use ENVFILE: cannot read /no/such/file: No such file"))
        << refused.err;
}

TEST_F(Hooks, RunBeforeAndAfterWithTheResult) {
    const tests::TempDir dir;
    const std::string log = dir.path() + "/log";
    const Outcome outcome =
        shell("echo main >>" + log + "; exit 3",
              with({{"PRE_START", "sh -c 'echo pre $PILOTFISH_WORKER >>" + log + "'"},
                    {"POST_STOP",
                     "sh -c 'echo post $PILOTFISH_EXIT_REASON $PILOTFISH_EXIT_CODE "
                     "$PILOTFISH_EXIT_SIGNAL >>" +
                         log + "'"}}));
    EXPECT_EQ(outcome.end, exited(3)) << outcome.err;
    EXPECT_EQ(tests::read_file(log), "pre main\nmain\npost exit 3\n");
}

TEST_F(Hooks, ASignalledEndIsToldAsOne) {
    const tests::TempDir dir;
    const std::string log = dir.path() + "/log";
    const Outcome outcome =
        shell("kill -9 $$", with({{"POST_STOP",
                                   "sh -c 'echo $PILOTFISH_EXIT_REASON "
                                   "$PILOTFISH_EXIT_CODE $PILOTFISH_EXIT_SIGNAL >" +
                                       log + "'"}}));
    EXPECT_EQ(outcome.end, exited(128 + SIGKILL)) << outcome.err;
    EXPECT_EQ(tests::read_file(log), "signal 137 SIGKILL\n");
}

TEST_F(Hooks, ABeginningThatFailsIsAFailedStart) {
    const Outcome outcome =
        shell("echo never", with({{"PRE_START", "sh -c 'echo no such table; exit 4'"},
                                  {"POST_STOP", "sh -c 'echo reason $PILOTFISH_EXIT_REASON'"}}));
    EXPECT_EQ(outcome.end, exited(4));
    EXPECT_TRUE(has(outcome.out, "no such table\n")) << outcome.out;  // in its log
    EXPECT_TRUE(has(outcome.out, "reason start_failed\n")) << outcome.out;
    EXPECT_FALSE(has(outcome.out, "never")) << outcome.out;
    EXPECT_TRUE(has(outcome.err,
                    "main: cannot start main: its PRE_START exited with code 4; it "
                    "said: no such table"))
        << outcome.err;
}

TEST_F(Hooks, ABeginningIsTriedAgainByTheRestartRule) {
    const tests::TempDir dir;
    const std::string mark = dir.path() + "/mark";
    const Outcome outcome = shell(
        "exit 0",
        with({{"PRE_START", "sh -c 'test -e " + mark + " && exit 0; touch " + mark + "; exit 4'"},
              {"RESTART", "on-failure"},
              {"RESTART_DELAY", "1ms"}}));
    EXPECT_EQ(outcome.end, exited(0)) << outcome.err;
}

TEST_F(Hooks, ABeginningEndsWhenTheWorkerIsToStop) {
    StartOptions options = with({{"PRE_START", "sh -c 'echo begun; exec sleep 1000'"}});
    Process daemon(entrypoint({"sh", "-c", "echo never"}), options);
    daemon.wait_line("begun");
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(128 + SIGTERM));
    EXPECT_FALSE(has(daemon.out(), "never"));
}

}  // namespace
}  // namespace pilotfish::e2e
