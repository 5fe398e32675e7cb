#include "daemon/elf_file.h"

#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "tests/daemon/elf_image.h"
#include "tests/support/test_support.h"

namespace pilotfish::daemon {
namespace {

class ElfFileTest : public testing::Test {
  protected:
    ElfFile open(const std::string& contents) {
        files_.write("program", contents);
        return ElfFile(files_.path() + "/program");
    }
    tests::TempDir files_;
};

TEST_F(ElfFileTest, FindsWhatItExportsAndNothingElse) {
    ElfFile file = open(dynamic_image({"first", "second", "third"}, {}, "imported"));
    EXPECT_TRUE(file.is_native());
    for (const char* name : {"first", "second", "third"}) EXPECT_TRUE(file.exports(name)) << name;
    for (const char* name : {"imported", "fourth", "", "firs", "first2"})
        EXPECT_FALSE(file.exports(name)) << name;
}

TEST_F(ElfFileTest, NamesTheLibrariesItNeeds) {
    EXPECT_EQ(open(dynamic_image({}, {"libnode.so.115", "libc.so.6"})).needed_libraries(),
              (std::vector<std::string>{"libnode.so.115", "libc.so.6"}));
    EXPECT_TRUE(open(dynamic_image({}, {})).needed_libraries().empty());
}

TEST_F(ElfFileTest, CutsOffASectionThatIsTooLong) {
    ElfFile file = open(elf_image({{".data", "abcdef"}, {".bss", "", SHT_NOBITS}}));
    EXPECT_EQ(file.section(".data", 100), "abcdef");
    EXPECT_EQ(file.section(".data", 3), "abc");
    EXPECT_EQ(file.section(".text", 3), std::nullopt);
    EXPECT_EQ(file.section(".bss", 3), std::nullopt);
}

TEST_F(ElfFileTest, GivesTheFirstBytesOfAnyRegularFile) {
    EXPECT_EQ(open("#!/bin/sh\n").head(256), "#!/bin/sh\n");
    EXPECT_EQ(open("#!/bin/sh\n").head(2), "#!");
    EXPECT_EQ(ElfFile("/nowhere/at/all").head(2), "");
    EXPECT_EQ(ElfFile("/").head(2), "");
}

// An open may do something: release a FIFO's writer, rewind a tape, start a watchdog.
TEST_F(ElfFileTest, NeverOpensWhatIsNoRegularFile) {
    const std::string fifo = files_.path() + "/fifo";
    const std::string plain = files_.path() + "/plain";
    files_.write("plain", "text");
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    const int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    ASSERT_GE(inotify_add_watch(watch, fifo.c_str(), IN_OPEN), 0);
    ASSERT_GE(inotify_add_watch(watch, plain.c_str(), IN_OPEN), 0);
    char event[4096];
    EXPECT_EQ(ElfFile(fifo).head(2), "");
    EXPECT_EQ(read(watch, event, sizeof event), -1) << "it was opened";
    EXPECT_EQ(ElfFile(plain).head(2), "te");
    EXPECT_GT(read(watch, event, sizeof event), 0) << "an open is not seen at all";
    close(watch);
    EXPECT_EQ(ElfFile("/dev/zero").head(2), "");
}

TEST_F(ElfFileTest, OfARealProgramKnowsItsLibrariesAndExports) {
    ElfFile self("/proc/self/exe");
    EXPECT_TRUE(self.is_native());
    const std::vector<std::string> libraries = self.needed_libraries();
    EXPECT_NE(std::find(libraries.begin(), libraries.end(), "libc.so.6"), libraries.end());
    EXPECT_FALSE(self.exports("_ZN4node5StartEiPPc"));
}

TEST_F(ElfFileTest, ThatIsCutOffAnywhereIsReadWithoutHarm) {
    const std::string whole = dynamic_image({"first", "second"}, {"libc.so.6"});
    for (std::size_t length = 0; length < whole.size(); ++length) {
        ElfFile file = open(whole.substr(0, length));
        file.exports("second");
        EXPECT_LE(file.needed_libraries().size(), 1u) << length;
    }
}

// Every field in turn made as large as it can be: no answer is right, none may do harm.
TEST_F(ElfFileTest, WithAnyWordMadeHostileIsReadWithoutHarm) {
    const std::string whole = dynamic_image({"first", "second"}, {"libc.so.6"});
    for (std::size_t at = 0; at + 4 <= whole.size(); at += 4) {
        std::string hostile = whole;
        std::memset(hostile.data() + at, 0xff, 4);
        ElfFile file = open(hostile);
        file.exports("second");
        EXPECT_LE(file.needed_libraries().size(), 1u) << at;
    }
}

TEST_F(ElfFileTest, WhoseHashChainNeverEndsIsGivenUp) {
    // 70,000 links without an end mark; a name that would be the last is not reached.
    std::string table;
    for (const std::uint32_t word : {1u, 1u, 0u, 0u, 1u}) table += bytes_of(word);
    for (int i = 0; i < 70'000; ++i) table += bytes_of(std::uint32_t{2});
    ElfFile file = open(elf_image({{".gnu.hash", table, SHT_GNU_HASH},
                                   {".dynsym", std::string(48, '\0'), SHT_DYNSYM},
                                   {".dynstr", std::string(8, '\0'), SHT_STRTAB}}));
    EXPECT_FALSE(file.exports("anything"));
}

}  // namespace
}  // namespace pilotfish::daemon
