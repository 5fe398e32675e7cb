#include "daemon/log_rotation.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "tests/daemon/faulty_files.h"
#include "tests/support/test_support.h"

namespace pilotfish::daemon {
namespace {

using tests::FaultyFiles;
using tests::read_file;

class Rotation : public testing::Test {
  protected:
    // Writes all of it, as often as it takes.
    static void write(RotatingFile& file, std::string_view lines) {
        while (!lines.empty()) {
            const auto written = file.write(lines);
            ASSERT_TRUE(written.ok()) << written.error().message;
            ASSERT_GT(*written, 0u);
            lines.remove_prefix(*written);
        }
    }
    std::string at(int number) const { return path_ + "." + std::to_string(number); }
    bool exists(const std::string& path) const { return access(path.c_str(), F_OK) == 0; }

    const tests::TempDir dir_;
    const std::string path_ = dir_.path() + "/web.log";
    FaultyFiles calls_;
};

TEST_F(Rotation, BeginsANewFileAtALineAndKeepsSoMany) {
    RotatingFile file({.path = path_, .max_bytes = 10, .max_files = 2}, calls_);
    write(file, "one\ntwo\nthree\nfour\nfive\nsix\nseven\n");
    EXPECT_EQ(read_file(path_), "six\nseven\n");
    EXPECT_EQ(read_file(at(1)), "four\nfive\n");
    EXPECT_EQ(read_file(at(2)), "three\n");
    EXPECT_FALSE(exists(at(3)));
}

TEST_F(Rotation, LosesAndTearsNothingWhateverTheSizes) {
    for (std::uint64_t most : {1u, 7u, 64u, 100u}) {
        const std::string path = path_ + std::to_string(most);
        RotatingFile file({.path = path, .max_bytes = most, .max_files = 130}, calls_);
        std::string all;
        for (int i = 0; i < 60; ++i) {
            const std::string line = std::string(static_cast<std::size_t>(i % 13), 'x') + "\n";
            all += line;
            write(file, line + line);
            all += line;
        }
        std::string found;
        for (int number = 130; number >= 1; --number) {
            const std::string old = path + "." + std::to_string(number);
            if (!exists(old)) continue;
            const std::string text = read_file(old);
            EXPECT_TRUE(text.ends_with('\n'));
            found += text;
        }
        EXPECT_EQ(found + read_file(path), all) << most;
    }
}

TEST_F(Rotation, WithoutOlderFilesBeginsAnew) {
    RotatingFile file({.path = path_, .max_bytes = 8, .max_files = 0}, calls_);
    write(file, "one\ntwo\nthree\n");
    EXPECT_EQ(read_file(path_), "three\n");
    EXPECT_FALSE(exists(at(1)));
}

TEST_F(Rotation, GoesOnInAFileThatWasThere) {
    {
        RotatingFile file({.path = path_, .max_bytes = 12, .max_files = 1}, calls_);
        write(file, "of before\n");
    }
    RotatingFile file({.path = path_, .max_bytes = 12, .max_files = 1}, calls_);
    write(file, "a\nbb\n");
    EXPECT_EQ(read_file(at(1)), "of before\na\n");
    EXPECT_EQ(read_file(path_), "bb\n");
}

TEST_F(Rotation, NoticesThatTheFileWasMovedAwayOrCut) {
    RotatingFile file({.path = path_, .max_bytes = 100, .max_files = 1}, calls_);
    write(file, "one\n");
    std::filesystem::rename(path_, path_ + ".moved");
    write(file, "two\n");
    EXPECT_EQ(read_file(path_), "two\n");
    EXPECT_EQ(read_file(path_ + ".moved"), "one\n");
    ASSERT_EQ(truncate(path_.c_str(), 0), 0);
    write(file, "three\n");
    EXPECT_EQ(read_file(path_), "three\n");
}

TEST_F(Rotation, ThatFailsLosesNothingAndIsToldOnce) {
    RotatingFile file({.path = path_, .max_bytes = 8, .max_files = 3}, calls_);
    write(file, "one\ntwo\nthree\n");  // .1 holds one and two
    calls_.fail_renames = EACCES;
    write(file, "four\nfive\n");
    EXPECT_EQ(read_file(path_), "three\nfour\nfive\n");
    EXPECT_EQ(read_file(at(1)), "one\ntwo\n");
    EXPECT_NE(file.take_complaint().find("cannot rotate the log"), std::string::npos);
    EXPECT_EQ(file.take_complaint(), "");
    calls_.fail_renames = 0;
    write(file, "a long sixth\n");
    EXPECT_EQ(read_file(at(1)), "three\nfour\nfive\n");
    EXPECT_EQ(read_file(at(2)), "one\ntwo\n");
}

TEST_F(Rotation, GoesOnWithinALineThatTheDiskParted) {
    RotatingFile file({.path = path_, .max_bytes = 10, .max_files = 1}, calls_);
    calls_.most_bytes = 3;
    std::string_view line = "parted line\n";
    const auto first = file.write(line);
    ASSERT_TRUE(first.ok());
    EXPECT_EQ(*first, 3u);
    calls_.fail_writes = ENOSPC;
    const auto refused = file.write(line.substr(3));
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().message,
              "cannot write to the log " + path_ + ": No space left on device");
    calls_.fail_writes = 0;
    calls_.most_bytes = 0;
    write(file, line.substr(3));
    write(file, "next\n");
    EXPECT_EQ(read_file(at(1)), "parted line\n");
    EXPECT_EQ(read_file(path_), "next\n");
}

TEST_F(Rotation, WritesToRegularFilesAlone) {
    const auto refusal = [&] {
        RotatingFile file({.path = path_}, calls_);
        const auto opened = file.open();
        return opened.ok() ? std::string() : opened.error().message;
    };
    ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
    EXPECT_NE(refusal().find("cannot open the log"), std::string::npos);
    // With a reader it would open.
    const int reader = open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    EXPECT_NE(refusal().find("no regular file"), std::string::npos);
    close(reader);
    std::filesystem::remove(path_);
    std::filesystem::create_symlink("/tmp/x", path_);
    EXPECT_NE(refusal().find("symbolic link"), std::string::npos);
}

TEST_F(Rotation, WritesToNoFileThatOthersChose) {
    const auto refusal = [&](const std::string& path) {
        RotatingFile file({.path = path}, calls_);
        const auto opened = file.open();
        return opened.ok() ? std::string() : opened.error().message;
    };
    dir_.write("precious", "");
    std::filesystem::create_hard_link(dir_.path() + "/precious", path_);
    EXPECT_NE(refusal(path_).find("hard links"), std::string::npos) << refusal(path_);
    if (geteuid() != 0) GTEST_SKIP() << "the rest needs root";
    // A worker's folder: its own file is taken, a link to elsewhere is not followed.
    const std::string folder = dir_.path() + "/of-worker";
    std::filesystem::create_directory(folder);
    ASSERT_EQ(chown(folder.c_str(), 12345, 12345), 0);
    EXPECT_EQ(refusal(folder + "/web.log"), "");
    ASSERT_EQ(chown((folder + "/web.log").c_str(), 12345, 12345), 0);
    EXPECT_EQ(refusal(folder + "/web.log"), "");
    ASSERT_EQ(chown((folder + "/web.log").c_str(), 23456, 12345), 0);
    EXPECT_NE(refusal(folder + "/web.log").find("belongs to neither"), std::string::npos);
    std::filesystem::create_directory(dir_.path() + "/of-root");
    const std::string link = folder + "/logs";
    std::filesystem::create_symlink(dir_.path() + "/of-root", link);
    EXPECT_NE(refusal(link + "/web.log").find("logs is a symbolic link"), std::string::npos);
    EXPECT_FALSE(exists(dir_.path() + "/of-root/web.log"));
    // Root's own links stay what they are, and a volume that all may write to is written to.
    std::filesystem::create_symlink("of-root", dir_.path() + "/link");
    EXPECT_EQ(refusal(dir_.path() + "/link/web.log"), "");
    ASSERT_EQ(chmod((dir_.path() + "/of-root").c_str(), 0777), 0);
    EXPECT_EQ(refusal(dir_.path() + "/of-root/more.log"), "");
}

}  // namespace
}  // namespace pilotfish::daemon
