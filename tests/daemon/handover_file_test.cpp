#include "daemon/handover_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "core/owned_fd.h"
#include "tests/daemon/pipe.h"

namespace pilotfish::daemon {
namespace {

bool closes_on_exec(int fd) { return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }

// As an exec leaves it: the variable set, the descriptor open.
class HandoverFile : public testing::Test {
  protected:
    void pass(const Handover& handover) {
        const auto file = write_handover_file(handover);
        ASSERT_TRUE(file) << file.error().message;
        passed_ = *file;
        setenv(kTakeOverVariable, std::to_string(passed_).c_str(), 1);
    }
    void TearDown() override { unsetenv(kTakeOverVariable); }

    int passed_ = -1;
    SignalsAtStart signals_;
};

TEST_F(HandoverFile, AStartLikeAnyOtherTakesNothing) {
    EXPECT_FALSE(take_handover(signals_).has_value());
}

TEST_F(HandoverFile, CanBeReadAgainAndNotBeChanged) {
    Handover handover;
    handover.version = "1.2.3";
    const auto file = write_handover_file(handover);
    ASSERT_TRUE(file) << file.error().message;
    const core::OwnedFd owner(*file);
    EXPECT_EQ(write(*file, "x", 1), -1);
    EXPECT_EQ(ftruncate(*file, 0), -1);
    for (int i = 0; i < 2; ++i) {
        const auto read = read_handover_file(*file);
        ASSERT_TRUE(read) << read.error().message;
        EXPECT_EQ(read->version, "1.2.3");
    }
    EXPECT_TRUE(closes_on_exec(*file));
}

TEST_F(HandoverFile, GivesTheNextImageItsSignalsAndDescriptorsAndNoTrace) {
    tests::Pipe pipe;
    Handover handover;
    handover.pid = getpid();
    handover.blocked_signals = {SIGHUP};
    handover.sigchld_ignored = true;
    handover.workers.emplace_back().log.streams.push_back({pipe.reader(), false, "", false});
    set_close_on_exec(handover, false);
    EXPECT_FALSE(closes_on_exec(pipe.reader()));
    pass(handover);
    sigfillset(&signals_.mask);
    const auto taken = take_handover(signals_);
    ASSERT_TRUE(taken.has_value());
    ASSERT_TRUE(*taken) << taken->error().message;
    EXPECT_EQ(sigismember(&signals_.mask, SIGHUP), 1);
    EXPECT_EQ(sigismember(&signals_.mask, SIGTERM), 0);
    EXPECT_TRUE(signals_.sigchld_ignored);
    EXPECT_TRUE(closes_on_exec(pipe.reader()));
    EXPECT_EQ(getenv(kTakeOverVariable), nullptr);
    EXPECT_EQ(fcntl(passed_, F_GETFD), -1) << "the file is still open";
}

TEST_F(HandoverFile, RefusesWhatIsNotItsOwn) {
    Handover others;
    others.pid = getpid() + 1;
    pass(others);
    EXPECT_FALSE(*take_handover(signals_)) << "the state of another process";

    const core::OwnedFd unsealed(memfd_create("test", MFD_CLOEXEC));
    setenv(kTakeOverVariable, std::to_string(unsealed.get()).c_str(), 1);
    EXPECT_FALSE(*take_handover(signals_)) << "anybody may have written it";

    for (const char* value : {"", "yes", "1", "99999", "-3"}) {
        setenv(kTakeOverVariable, value, 1);
        const auto taken = take_handover(signals_);
        ASSERT_TRUE(taken.has_value());
        EXPECT_FALSE(*taken) << value;
    }
}

}  // namespace
}  // namespace pilotfish::daemon
