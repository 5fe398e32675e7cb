#include "daemon/exit_status.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

using pilotfish::daemon::exit_status_of;
using pilotfish::daemon::ExitStatus;
using pilotfish::daemon::sentence_of;

namespace {
ExitStatus status_from(int code, int status) {
    siginfo_t info{};
    info.si_code = code;
    info.si_status = status;
    return exit_status_of(info);
}
}  // namespace

TEST(ExitStatus, AnExitKeepsItsOwnCode) {
    EXPECT_EQ(status_from(CLD_EXITED, 7).shell_code(), 7);
    EXPECT_EQ(status_from(CLD_EXITED, 0).shell_code(), 0);
}

TEST(ExitStatus, ASignalIs128AndItsNumber) {
    EXPECT_EQ(status_from(CLD_KILLED, SIGTERM).shell_code(), 143);
    EXPECT_EQ(status_from(CLD_KILLED, SIGRTMIN + 3).shell_code(), 128 + SIGRTMIN + 3);
}

TEST(ExitStatus, SaysWhatHappenedInWords) {
    EXPECT_EQ(sentence_of(status_from(CLD_EXITED, 3)), "exited with code 3");
    EXPECT_EQ(sentence_of(status_from(CLD_KILLED, SIGKILL)), "was killed by SIGKILL");
    EXPECT_EQ(sentence_of(status_from(CLD_DUMPED, SIGSEGV)), "was killed by SIGSEGV (core dumped)");
    EXPECT_EQ(sentence_of(status_from(CLD_KILLED, SIGRTMIN + 3)), "was killed by SIGRTMIN+3");
}
