#include "daemon/termination_log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/test_support.h"

namespace pilotfish::daemon {
namespace {

class TerminationLogFile : public testing::Test {
  protected:
    core::Result<TerminationNote> write(std::string_view verdict, bool configured = true) {
        return write_termination_log({.path = path_, .configured = configured}, verdict);
    }
    std::string text() const { return tests::read_file(path_); }

    tests::TempDir dir_;
    std::string path_ = dir_.path() + "/termination-log";
};

TEST_F(TerminationLogFile, IsCreatedWhenConfigured) {
    const auto note = write("web ended: exit code 3");
    ASSERT_TRUE(note.ok()) << note.error().message;
    EXPECT_EQ(text(), "web ended: exit code 3\n");
    EXPECT_EQ(note->bytes, 23u);
    EXPECT_FALSE(note->cut);
}

TEST_F(TerminationLogFile, IsNeverCreatedWhenItIsTheDefault) {
    const auto note = write("verdict", false);
    ASSERT_TRUE(note.ok());
    EXPECT_EQ(note->bytes, 0u);
    EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(TerminationLogFile, TakesTheDefaultWhereItStands) {
    dir_.write("termination-log", "");
    ASSERT_TRUE(write("verdict", false).ok());
    EXPECT_EQ(text(), "verdict\n");
}

TEST_F(TerminationLogFile, KeepsWhatTheWorkerWrote) {
    dir_.write("termination-log", "worker: disk full\n");
    ASSERT_TRUE(write("verdict").ok());
    EXPECT_EQ(text(), "worker: disk full\nverdict\n");
}

TEST_F(TerminationLogFile, StartsALineOfItsOwn) {
    dir_.write("termination-log", "no line end");
    ASSERT_TRUE(write("verdict").ok());
    EXPECT_EQ(text(), "no line end\nverdict\n");
}

TEST_F(TerminationLogFile, CutsTheVerdictToWhatIsLeftOfTheLimit) {
    const std::string worker(4090, 'w');
    dir_.write("termination-log", worker);
    const auto note = write("verdict");
    ASSERT_TRUE(note.ok());
    EXPECT_EQ(text(), worker + "\nverd\n");
    EXPECT_EQ(text().size(), TerminationLog::kMaxBytes);
    EXPECT_TRUE(note->cut);
}

TEST_F(TerminationLogFile, CutsBetweenCharacters) {
    const std::string worker = std::string(4089, 'w') + "\n";
    dir_.write("termination-log", worker);
    ASSERT_TRUE(write("1234\u20ac").ok());
    EXPECT_EQ(text(), worker + "1234\n");
}

TEST_F(TerminationLogFile, LeavesAFullFileAlone) {
    for (const std::size_t size : {4094u, 4095u, 4096u, 10000u}) {
        const std::string worker(size, 'w');
        dir_.write("termination-log", worker);
        const auto note = write("verdict");
        ASSERT_TRUE(note.ok());
        EXPECT_EQ(text(), worker);
        EXPECT_TRUE(note->cut);
    }
}

TEST_F(TerminationLogFile, CutsAVerdictOverTheLimit) {
    ASSERT_TRUE(write(std::string(9000, 'v')).ok());
    EXPECT_EQ(text(), std::string(4095, 'v') + "\n");
}

TEST_F(TerminationLogFile, TakesAFileThatMayOnlyBeWritten) {
    dir_.write("termination-log", "worker");
    ASSERT_EQ(chmod(path_.c_str(), 0200), 0);
    ASSERT_TRUE(write("verdict").ok());
    ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
    EXPECT_EQ(text(), "worker\nverdict\n");
}

TEST_F(TerminationLogFile, SaysWhyAConfiguredFileCannotBeWritten) {
    path_ = dir_.path() + "/no/such/folder";
    const auto missing = write("verdict");
    ASSERT_FALSE(missing.ok());
    EXPECT_EQ(missing.error().message.rfind("cannot open the termination log " + path_, 0), 0u)
        << missing.error().message;
    path_ = dir_.path();
    EXPECT_FALSE(write("verdict").ok()) << "a directory";
    EXPECT_TRUE(write("verdict", false).ok()) << "the default is taken only where it can be";
}

TEST_F(TerminationLogFile, DoesNotWaitForTheReaderOfAFifo) {
    ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
    const auto note = write("verdict");
    ASSERT_FALSE(note.ok());
    EXPECT_EQ(note.error().system_errno, ENXIO);
}

}  // namespace
}  // namespace pilotfish::daemon
