// With a terminal: the worker owns the foreground, as it would without us.
#include <termios.h>
#include <unistd.h>

#include <csignal>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"

namespace pilotfish::e2e {
namespace {

class OnATerminal : public EndToEnd {};

constexpr char kInterrupt[] = "\x03";
constexpr char kSuspend[] = "\x1a";

TEST_F(OnATerminal, TheInterruptKeyReachesTheWorkerAndItsCodeTellsSo) {
    Process daemon(entrypoint({"sh", "-c", "echo ready; exec cat"}), {.terminal = true});
    daemon.wait_line("ready");
    daemon.write(kInterrupt);
    EXPECT_EQ(daemon.wait(), exited(128 + SIGINT));
}

TEST_F(OnATerminal, TheInterruptKeyLeavesOtherGroupsAlone) {
    Process daemon(entrypoint({"bash", "-c",
                               "trap 'echo interrupted' INT;"
                               "setsid sh -c 'echo other $$; exec sleep 1000' &"
                               "until [[ $line == end ]]; do read line; done; kill $!; exit 2"}),
                   {.terminal = true});
    const std::string line = daemon.wait_line("other ");
    const pid_t other = std::stoi(line.substr(line.find("other ") + 6));
    daemon.write(kInterrupt);
    daemon.wait_line("interrupted");
    EXPECT_TRUE(exists(other));
    EXPECT_FALSE(status_field(other, "State").starts_with("Z"));
    daemon.write("end\n");
    EXPECT_EQ(daemon.wait(), exited(2));
}

TEST_F(OnATerminal, TheWorkerReadsWhatIsTyped) {
    Process daemon(entrypoint({"sh", "-c", "echo ready; read line; echo \"got $line\""}),
                   {.terminal = true});
    daemon.wait_line("ready");
    daemon.write("hello\n");
    daemon.wait_line("got hello");
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(OnATerminal, OurOwnLogLineDoesNotStopUsWhereOutputOfTheBackgroundIsHeld) {
    Process daemon(entrypoint({"sh", "-c", "echo ready; read line; exit 8"}),
                   {.env = {{"PILOTFISH_LOG_LEVEL", "debug"}},
                    .in_child =
                        [] {
                            termios mode;
                            tcgetattr(0, &mode);
                            mode.c_lflag |= TOSTOP;
                            tcsetattr(0, TCSANOW, &mode);
                        },
                    .terminal = true});
    daemon.wait_line("ready");
    daemon.write("\n");
    EXPECT_EQ(daemon.wait(), exited(8));
}

TEST_F(OnATerminal, AShellStopsAndContinuesItsJob) {
    // Words that are waited for are typed in pieces, so that the echo of the typing is not them.
    Process shell({"bash", "--norc", "--noprofile", "-i"},
                  {.env = {{"PS1", "prompt\n"}, {"TERM", "dumb"}, {"HISTFILE", "/dev/null"}},
                   .terminal = true});
    shell.wait_line("prompt");
    shell.write(pilotfish() +
                R"( -- sh -c 'echo re""ady; while read line; do echo "got <$line>"; done')"
                "\n");
    shell.wait_line("ready");
    shell.write(kSuspend);
    shell.wait_line("Stopped");
    shell.wait_line("prompt");
    shell.write("echo the terminal is the 'shell'\n");
    shell.wait_line("is the shell");
    shell.wait_line("prompt");
    shell.write("fg\n");
    shell.write("a line\n");
    shell.wait_line("got <a line>");
    shell.write(kInterrupt);
    shell.wait_line("prompt");
    shell.write("echo code $?\n");
    shell.wait_line("code 130");
    shell.write("exit 0\n");
    EXPECT_EQ(shell.wait(), exited(0));
}

TEST_F(OnATerminal, TheForegroundIsHandedBack) {
    Process shell({"bash", "--norc", "--noprofile", "-c",
                   pilotfish() + " -- true; read line; echo \"shell got $line\""},
                  {.terminal = true});
    shell.write("a line\n");
    shell.wait_line("shell got a line");
    EXPECT_EQ(shell.wait(), exited(0));
}

}  // namespace
}  // namespace pilotfish::e2e
