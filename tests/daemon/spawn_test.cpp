#include "daemon/spawn.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "tests/support/test_support.h"

using pilotfish::daemon::find_program;
using pilotfish::daemon::kNullDevice;
using pilotfish::daemon::spawn;
using pilotfish::daemon::SpawnRequest;
using pilotfish::daemon::SpawnResult;
using pilotfish::tests::TempDir;

namespace {

const std::string kPath = "PATH=/usr/local/bin:/usr/bin:/bin";

SpawnRequest shell(const std::string& script) {
    SpawnRequest request;
    request.command = {"/bin/sh", "-c", script};
    request.environment = {kPath};
    return request;
}

// Exit status of the process, 128 + n for a signal.
int wait_for(const SpawnResult& result) {
    EXPECT_TRUE(result.process.has_value()) << result.error.error.message;
    if (!result.process) return -1;
    siginfo_t info{};
    EXPECT_EQ(waitid(P_PIDFD, static_cast<id_t>(result.process->pidfd), &info, WEXITED), 0);
    close(result.process->pidfd);
    return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

// What the process wrote to its standard output.
std::string output_of(SpawnRequest request) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    request.stdout_fd = ends[1];
    const SpawnResult result = spawn(request);
    close(ends[1]);
    std::string text;
    char buffer[4096];
    for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
    close(ends[0]);
    wait_for(result);
    return text;
}

}  // namespace

TEST(Spawn, GivesTheExitCode) { EXPECT_EQ(wait_for(spawn(shell("exit 7"))), 7); }

TEST(Spawn, APlainNameIsLookedUpInTheChildsOwnPath) {
    const TempDir dir;
    dir.write("bin/only-here", "#!/bin/sh\nexit 9\n");
    ASSERT_EQ(chmod((dir.path() + "/bin/only-here").c_str(), 0755), 0);
    SpawnRequest request;
    request.command = {"only-here"};
    request.environment = {"PATH=/nonexistent:" + dir.path() + "/bin"};
    EXPECT_EQ(wait_for(spawn(request)), 9);
    EXPECT_EQ(find_program("only-here", request.environment), dir.path() + "/bin/only-here");
}

TEST(Spawn, AScriptWithoutAnInterpreterLineRunsInTheShell) {
    const TempDir dir;
    dir.write("script", "exit $1\n");
    ASSERT_EQ(chmod((dir.path() + "/script").c_str(), 0755), 0);
    SpawnRequest request;
    request.command = {dir.path() + "/script", "5"};
    request.environment = {kPath};
    EXPECT_EQ(wait_for(spawn(request)), 5);
}

TEST(Spawn, WhatIsNotThereIs127) {
    SpawnRequest request;
    request.environment = {kPath};
    request.command = {"no-such-program"};
    SpawnResult result = spawn(request);
    EXPECT_FALSE(result.process);
    EXPECT_EQ(result.error.exit_code, 127);
    EXPECT_EQ(result.error.error.message, "cannot start no-such-program: no such program in PATH");
    request.command = {"/no/such/program"};
    result = spawn(request);
    EXPECT_EQ(result.error.exit_code, 127);
    EXPECT_EQ(result.error.error.message,
              "cannot start /no/such/program: No such file or directory");
}

TEST(Spawn, WhatCannotBeExecutedIs126) {
    const TempDir dir;
    dir.write("plain", "not executable\n");
    SpawnRequest request;
    request.environment = {kPath};
    request.command = {dir.path()};
    SpawnResult result = spawn(request);
    EXPECT_EQ(result.error.exit_code, 126);
    EXPECT_EQ(result.error.error.message, "cannot start " + dir.path() + ": it is a directory");
    request.command = {dir.path() + "/plain"};
    result = spawn(request);
    EXPECT_EQ(result.error.exit_code, 126);
    EXPECT_EQ(result.error.error.message,
              "cannot start " + dir.path() + "/plain: Permission denied");
}

TEST(Spawn, AMissingInterpreterIsNamedAsWhatIsMissing) {
    const TempDir dir;
    dir.write("script", "#!/no/such/interpreter\n");
    ASSERT_EQ(chmod((dir.path() + "/script").c_str(), 0755), 0);
    SpawnRequest request;
    request.environment = {kPath};
    request.command = {dir.path() + "/script"};
    const SpawnResult result = spawn(request);
    EXPECT_EQ(result.error.exit_code, 127);
    EXPECT_NE(
        result.error.error.message.find("its interpreter or dynamic loader is not in this image"),
        std::string::npos);
}

TEST(Spawn, AMissingInterpreterOfAProgramInPathIsNotAMissingProgram) {
    const TempDir dir;
    dir.write("script", "#!/bin/sh\r\nexit 0\n");  // saved with CR LF, the commonest of all
    ASSERT_EQ(chmod((dir.path() + "/script").c_str(), 0755), 0);
    SpawnRequest request;
    request.environment = {"PATH=" + dir.path()};
    request.command = {"script"};
    const SpawnResult result = spawn(request);
    EXPECT_EQ(result.error.exit_code, 127);
    EXPECT_TRUE(result.error.error.message.starts_with("cannot start " + dir.path() +
                                                       "/script: its interpreter"))
        << result.error.error.message;
}

TEST(Spawn, ARefusalInPathWinsOverAMiss) {
    const TempDir dir;
    dir.write("a/tool", "not executable\n");
    SpawnRequest request;
    request.environment = {"PATH=" + dir.path() + "/a:" + dir.path() + "/b"};
    request.command = {"tool"};
    EXPECT_EQ(spawn(request).error.exit_code, 126);
}

TEST(Spawn, AMissingDirectoryIsOurFailureAndSaysWhich) {
    SpawnRequest request = shell("exit 0");
    request.directory = "/no/such/directory";
    const SpawnResult result = spawn(request);
    EXPECT_EQ(result.error.exit_code, 125);
    EXPECT_EQ(
        result.error.error.message,
        "cannot start /bin/sh: enter directory /no/such/directory: No such file or directory");
}

TEST(Spawn, AFailedStartLeavesNoZombie) {
    SpawnRequest request;
    request.command = {"/no/such/program"};
    EXPECT_FALSE(spawn(request).process);
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
}

TEST(Spawn, TheChildLeadsItsOwnProcessGroup) {
    SpawnRequest request = shell("read line; exit 3");
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    request.stdin_fd = ends[0];
    const SpawnResult result = spawn(request);
    close(ends[0]);
    ASSERT_TRUE(result.process);
    EXPECT_EQ(getpgid(result.process->pid), result.process->pid);
    close(ends[1]);
    EXPECT_EQ(wait_for(result), 3);
}

TEST(Spawn, NullDeviceStandsInForAnyStandardDescriptor) {
    SpawnRequest request = shell("readlink /proc/self/fd/0 >&2; echo gone");
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    request.stdin_fd = kNullDevice;
    request.stdout_fd = kNullDevice;
    request.stderr_fd = ends[1];
    const SpawnResult result = spawn(request);
    close(ends[1]);
    char buffer[64] = {};
    EXPECT_GT(read(ends[0], buffer, sizeof buffer - 1), 0);
    close(ends[0]);
    EXPECT_STREQ(buffer, "/dev/null\n");
    EXPECT_EQ(wait_for(result), 0);
}

TEST(Spawn, StandardDescriptorsMayBeSwapped) {
    int out[2];
    int err[2];
    ASSERT_EQ(pipe2(out, O_CLOEXEC), 0);
    ASSERT_EQ(pipe2(err, O_CLOEXEC), 0);
    SpawnRequest request = shell("echo one; echo two >&2");
    request.stdout_fd = err[1];
    request.stderr_fd = out[1];
    const SpawnResult result = spawn(request);
    close(out[1]);
    close(err[1]);
    EXPECT_EQ(wait_for(result), 0);
    char buffer[16] = {};
    EXPECT_EQ(read(err[0], buffer, sizeof buffer), 4);
    EXPECT_STREQ(buffer, "one\n");
    EXPECT_EQ(read(out[0], buffer, sizeof buffer), 4);
    EXPECT_STREQ(buffer, "two\n");
    close(out[0]);
    close(err[0]);
}

TEST(Spawn, DescriptorsAboveTwoArePassedOnOnlyWhenAsked) {
    const int inherited =
        open("/dev/null", O_RDONLY);  // without close-on-exec, as if we had been given it
    ASSERT_GT(inherited, 2);
    const std::string script =
        "[ -e /proc/self/fd/" + std::to_string(inherited) + " ] && exit 1; exit 0";
    SpawnRequest request = shell(script);
    EXPECT_EQ(wait_for(spawn(request)), 0);
    request.inherit_descriptors = true;
    EXPECT_EQ(wait_for(spawn(request)), 1);
    close(inherited);
}

// Each pipe's writing end under the number of the other one's, and one more at its own.
TEST(Spawn, MoreDescriptorsMayTakeEachOthersNumbers) {
    int one[2];
    int two[2];
    int three[2];
    ASSERT_EQ(pipe2(one, O_CLOEXEC), 0);
    ASSERT_EQ(pipe2(two, O_CLOEXEC), 0);
    ASSERT_EQ(pipe2(three, O_CLOEXEC), 0);
    ASSERT_LT(three[1], 10) << "a shell's redirections know one digit";
    SpawnRequest request = shell("echo a >&" + std::to_string(two[1]) + "; echo b >&" +
                                 std::to_string(one[1]) + "; echo c >&" + std::to_string(three[1]));
    request.descriptors = {{one[1], two[1]}, {two[1], one[1]}, {three[1], three[1]}};
    const SpawnResult result = spawn(request);
    for (const int fd : {one[1], two[1], three[1]}) close(fd);
    EXPECT_EQ(wait_for(result), 0);
    char buffer[8] = {};
    EXPECT_EQ(read(one[0], buffer, sizeof buffer), 2);
    EXPECT_STREQ(buffer, "a\n");
    EXPECT_EQ(read(two[0], buffer, sizeof buffer), 2);
    EXPECT_STREQ(buffer, "b\n");
    EXPECT_EQ(read(three[0], buffer, sizeof buffer), 2);
    EXPECT_STREQ(buffer, "c\n");
    for (const int fd : {one[0], two[0], three[0]}) close(fd);
}

TEST(Spawn, ADescriptorMayBeTheNullDevice) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    SpawnRequest request = shell("readlink /proc/self/fd/9; [ -e /proc/self/fd/8 ] || echo no 8");
    request.stdout_fd = ends[1];
    request.descriptors = {{kNullDevice, 9}};
    request.stdin_fd = kNullDevice;
    const SpawnResult result = spawn(request);
    close(ends[1]);
    std::string text(64, '\0');
    std::size_t length = 0;
    for (ssize_t n; (n = read(ends[0], text.data() + length, text.size() - length)) > 0;)
        length += static_cast<std::size_t>(n);
    close(ends[0]);
    EXPECT_EQ(text.substr(0, length), "/dev/null\nno 8\n");
    EXPECT_EQ(wait_for(result), 0);
}

TEST(Spawn, MaskAndDispositionsAreTheOnesAskedFor) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ASSERT_EQ(sigprocmask(SIG_SETMASK, &all, &before), 0);
    SpawnRequest request;  // not through a shell: dash clears the mask
    request.command = {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"};
    request.environment = {kPath};
    sigemptyset(&request.mask);
    sigaddset(&request.mask, SIGUSR2);
    request.ignore_sigpipe = true;
    const std::string text = output_of(request);
    ASSERT_EQ(sigprocmask(SIG_SETMASK, &before, nullptr), 0);
    EXPECT_EQ(text, "SigBlk:\t0000000000000800\nSigIgn:\t0000000000001000\n");
}

TEST(Spawn, ListenPidBecomesTheChildsOwn) {
    SpawnRequest request = shell("[ \"$LISTEN_PID\" = $$ ] && echo mine");
    request.environment.push_back("LISTEN_PID=" + std::to_string(getpid()));
    request.inherit_descriptors = true;
    EXPECT_EQ(output_of(request), "mine\n");
}

TEST(Spawn, SomebodyElsesListenPidIsLeftAlone) {
    SpawnRequest request = shell("echo $LISTEN_PID");
    request.environment.push_back("LISTEN_PID=1");
    request.inherit_descriptors = true;
    EXPECT_EQ(output_of(request), "1\n");
}
