#include "cgroup/file_source.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "cgroup/limits_reader.h"
#include "cgroup/processors.h"
#include "tests/cgroup/replayed.h"
#include "tests/support/test_support.h"

namespace pilotfish::cgroup {
namespace {

TEST(Replay, OfADirectoryThatIsNotThereSaysSo) {
    const auto source = FileSource::replay("/nowhere/at/all");
    ASSERT_FALSE(source.ok());
    EXPECT_EQ(source.error().message,
              "cannot replay the files of /nowhere/at/all: No such file or directory");
}

TEST(Replay, NeverLeavesItsDirectory) {
    const tests::TempDir outside;
    outside.write("secret", "outside");
    const tests::TempDir inside;
    inside.write("secret", "inside");
    inside.write("d/file", "x");
    ASSERT_EQ(symlink((outside.path() + "/secret").c_str(), (inside.path() + "/link").c_str()), 0);
    ASSERT_EQ(symlink("../../../../../../secret", (inside.path() + "/d/climb").c_str()), 0);
    const FileSource source = tests::replayed_source(inside.path());
    std::string text;
    EXPECT_FALSE(source.read("/link", 100, text).ok());
    for (const char* path : {"/d/climb", "/d/../../../secret"}) {
        source.read(path, 100, text);  // ends at the replay's own root, or nowhere
        EXPECT_TRUE(text == "inside" || text.empty()) << path;
    }
}

TEST(Replay, NeverHangsOnAFifoAndNeverReadsADeviceWithoutEnd) {
    const tests::TempDir files;
    ASSERT_EQ(mkfifo((files.path() + "/fifo").c_str(), 0600), 0);
    const FileSource source = tests::replayed_source(files.path());
    std::string text = "old";
    EXPECT_EQ(source.read("/fifo", 100, text).state, ReadState::failed);
    EXPECT_EQ(text, "");
    const FileSource here = FileSource::this_process();
    const ReadOutcome endless = here.read("/dev/zero", kLimitFileCapBytes, text);
    EXPECT_EQ(endless.state, ReadState::failed);
    EXPECT_EQ(endless.system_errno, EFBIG);
}

TEST(Replay, TellsAbsentFromUnreadable) {
    const tests::TempDir files;
    files.write("directory/file", "x");
    const FileSource source = tests::replayed_source(files.path());
    std::string text;
    EXPECT_EQ(source.read("/none", 100, text).state, ReadState::absent);
    EXPECT_EQ(source.read("/directory/file/deeper", 100, text).state, ReadState::absent);
    EXPECT_EQ(source.read("/directory", 100, text).state, ReadState::failed);
    EXPECT_EQ(source.read(std::string("/a\0b", 4), 100, text).state, ReadState::failed);
}

TEST(Reading, JoinsTheShortReadsOfALongListOfMounts) {
    const tests::TempDir files;
    std::string mounts;
    for (int line = 0; line < 20000; ++line)
        mounts += std::to_string(line) + " 1 0:1 / /mnt/" + std::to_string(line) +
                  " rw - tmpfs tmpfs rw\n";
    mounts += "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n";
    files.write("proc/self/mountinfo", mounts);
    files.write("proc/self/cgroup", "0::/\n");
    files.write("cg/cpu.max", "150000 100000\n");
    const FileSource source = tests::replayed_source(files.path());
    EXPECT_EQ(read_limits(source).cpu.cpus, 1.5);
}

TEST(Reading, DistrustsFilesLongerThanTheirKindCanBe) {
    const tests::TempDir files;
    files.write("proc/self/mountinfo", std::string(kMountinfoCapBytes + 1, 'x'));
    files.write("proc/self/cgroup", "0::/\n");
    const FileSource source = tests::replayed_source(files.path());
    const core::Limits limits = read_limits(source);
    EXPECT_EQ(limits.cpu.state, core::LimitState::unknown);
    ASSERT_EQ(limits.warnings.size(), 1u);
    EXPECT_EQ(limits.warnings[0],
              "cannot trust /proc/self/mountinfo: longer than such a file can be");
}

TEST(Hostile, APathOfTwoThousandLevelsIsReadAndEnds) {
    const tests::TempDir files;
    std::string path;
    for (int level = 0; level < 2000; ++level) path += "/a";
    files.write("proc/self/cgroup", "0::" + path + "\n");
    files.write("proc/self/mountinfo", "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n");
    files.write("cg/cpu.max", "150000 100000\n");
    const FileSource source = tests::replayed_source(files.path());
    const core::Limits limits = read_limits(source);
    EXPECT_EQ(limits.cpu.cpus, 1.5);  // at the mount point, and said to be incomplete
    EXPECT_EQ(limits.warnings.size(), 1u);
}

TEST(Hostile, APathLongerThanThePathLimitIsReadAtTheMountPoint) {
    const tests::TempDir files;
    files.write("proc/self/cgroup", "0::/" + std::string(100000, 'a') + "\n");
    files.write("proc/self/mountinfo", "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n");
    files.write("cg/cpu.max", "max 100000\n");
    const FileSource source = tests::replayed_source(files.path());
    EXPECT_EQ(read_limits(source).cpu.state, core::LimitState::unknown);
}

TEST(OtherProcess, IsReadThroughItsOwnRoot) {
    const auto source = FileSource::of_process(getpid());
    ASSERT_TRUE(source.ok()) << source.error().message;
    const FileSource here = FileSource::this_process();
    const core::Limits own = read_limits(here);
    const core::Limits other = read_limits(*source);
    EXPECT_EQ(other.cpu.state, own.cpu.state);
    EXPECT_EQ(other.memory.levels.size(), own.memory.levels.size());
    EXPECT_EQ(other.cpu.affinity, own.cpu.affinity);
}

TEST(OtherProcess, ThatDoesNotExistSaysSo) {
    EXPECT_FALSE(FileSource::of_process(0x7ffffff0).ok());
}

TEST(CpuList, CountsRangesAndSingles) {
    EXPECT_EQ(parse_cpu_list("0\n"), 1);
    EXPECT_EQ(parse_cpu_list("0-7\n"), 8);
    EXPECT_EQ(parse_cpu_list("0-3,8,10-11"), 7);
    for (const std::string text :
         {"", ",", "1-", "-1", "3-1", "0-3,2", "0,", "a", "0-99999999999", "0-65536", "1 2"})
        EXPECT_EQ(parse_cpu_list(text), std::nullopt) << text;
}

}  // namespace
}  // namespace pilotfish::cgroup
