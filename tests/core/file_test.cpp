#include "core/file.h"

#include <sys/stat.h>

#include "tests/core/runtime_fixture.h"
#include "tests/support/test_support.h"

namespace pilotfish::core {
namespace {

class FileOf : public LeakFree {
  protected:
    tests::TempDir directory_;
};

Task<int> writes_and_reads(std::string path) {
    Result<File> file = co_await File::open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    PF_CHECK(file.ok(), file.error().message);
    EXPECT_EQ(::fcntl(file->descriptor(), F_GETFD), FD_CLOEXEC);
    struct stat info{};
    EXPECT_EQ(::fstat(file->descriptor(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    Result<void> done = co_await file->write_all("0123456789");
    EXPECT_TRUE(done.ok());
    done = co_await file->write_all_at("xy", 3);
    EXPECT_TRUE(done.ok());
    done = co_await file->sync();
    EXPECT_TRUE(done.ok());
    done = co_await file->data_sync();
    EXPECT_TRUE(done.ok());
    const Result<std::uint64_t> size = co_await file->size();
    EXPECT_EQ(*size, 10u);
    char buffer[32];
    Result<std::size_t> got = co_await file->read_at(buffer, 2);
    EXPECT_EQ(std::string_view(buffer, *got), "2xy56789");
    got = co_await file->read(buffer);
    EXPECT_EQ(*got, 0u) << "writing moved the place";
    done = co_await file->truncate(4);
    EXPECT_TRUE(done.ok());
    got = co_await file->read_at(buffer, 0);
    EXPECT_EQ(std::string_view(buffer, *got), "012x");
    done = co_await file->close();
    EXPECT_TRUE(done.ok());
    EXPECT_FALSE(file->is_open());
    done = co_await file->close();
    EXPECT_TRUE(done.ok()) << "twice is once";
    got = co_await file->read(buffer);
    EXPECT_EQ(got.error().message, "cannot read " + path + ": Bad file descriptor");
    co_return 0;
}

TEST_F(FileOf, WritesReadsAndSyncs) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(writes_and_reads(directory_.path() + "/x")), 0);
}

Task<int> appends(std::string path) {
    for (int i = 0; i < 3; ++i) {
        Result<File> file = co_await File::open(path, O_WRONLY | O_CREAT | O_APPEND);
        const Result<void> written = co_await file->write_all("line\n");
        EXPECT_TRUE(written.ok());
    }
    const Result<std::string> text = co_await read_file(path);
    EXPECT_EQ(*text, "line\nline\nline\n");
    co_return 0;
}

TEST_F(FileOf, FlagsAreOpens) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(appends(directory_.path() + "/log")), 0);
}

Task<int> whole_files(std::string path) {
    for (const std::size_t size : {0u, 1u, 4095u, 4096u, 4097u, 100000u}) {
        const std::string text(size, 'x');
        const Result<void> written = co_await write_file(path, text);
        EXPECT_TRUE(written.ok());
        const Result<std::string> read = co_await read_file(path);
        EXPECT_TRUE(read && *read == text) << size;
        const Result<std::string> exact = co_await read_file(path, size);
        EXPECT_TRUE(exact.ok()) << size;
        if (size == 0) continue;
        const Result<std::string> longer = co_await read_file(path, size - 1);
        EXPECT_EQ(longer.error().message, "cannot read " + path + ": it has more than " +
                                              std::to_string(size - 1) + " bytes");
    }
    // Of size 0 by stat(2).
    const Result<std::string> status = co_await read_file("/proc/self/status");
    EXPECT_TRUE(status->starts_with("Name:"));
    const Result<std::string> endless = co_await read_file("/dev/zero", 100000);
    EXPECT_EQ(endless.error().system_errno, EFBIG);
    co_return 0;
}

TEST_F(FileOf, WholeFilesOfEverySize) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(whole_files(directory_.path() + "/x")), 0);
}

Task<int> fails_with_sentences(std::string folder) {
    const Result<std::string> none = co_await read_file(folder + "/none");
    EXPECT_EQ(none.error().message, "cannot open " + folder + "/none: No such file or directory");
    const Result<std::string> directory = co_await read_file(folder);
    EXPECT_EQ(directory.error().message, "cannot read " + folder + ": Is a directory");
    const Result<void> full = co_await write_file("/dev/full", "x");
    EXPECT_EQ(full.error().message, "cannot write /dev/full: No space left on device");
    const Result<File> file = co_await File::open(folder, O_WRONLY);
    EXPECT_EQ(file.error().system_errno, EISDIR);
    co_return 0;
}

TEST_F(FileOf, FailuresAreSentences) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(fails_with_sentences(directory_.path())), 0);
}

Task<> opens(std::string path, bool& ran) {
    const Result<File> file = co_await File::open(std::move(path), O_RDONLY);
    ran = true;
}

Task<int> ends_while_opening(bool& ran) {
    spawn(opens("/proc/self/exe", ran)).detach();
    co_await yield();
    co_return 0;
}

TEST_F(FileOf, DescriptorOpenedForNobodyIsClosed) {
    for (int round = 0; round < 50; ++round) {
        bool ran = false;
        Runtime runtime({.processors = 1});
        EXPECT_EQ(runtime.run(ends_while_opening(ran)), 0);
    }
}

}  // namespace
}  // namespace pilotfish::core
