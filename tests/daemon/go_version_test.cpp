#include "daemon/go_version.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <string>

#include "tests/daemon/elf_image.h"
#include "tests/support/test_support.h"

namespace pilotfish::daemon {
namespace {

std::string with_length(const std::string& text) {
    std::string bytes;
    std::size_t length = text.size();
    do {
        const auto low = static_cast<unsigned char>(length & 0x7f);
        length >>= 7;
        bytes += static_cast<char>(length > 0 ? low | 0x80 : low);
    } while (length > 0);
    return bytes + text;
}

std::string buildinfo(const std::string& version, const std::string& modules, char flags = 2) {
    std::string section("\xff Go buildinf:");
    section += '\x08';
    section += flags;
    section.resize(32, '\0');
    return section + with_length(version) + with_length(modules);
}

std::string elf_with(const std::string& section, const std::string& name = ".go.buildinfo") {
    return elf_image({{name, section}});
}

std::optional<GoVersion> version_at(const std::string& path) {
    ElfFile file(path);
    return go_version_of(file);
}

std::optional<GoVersion> version_in(const std::string& contents) {
    const tests::TempDir files;
    files.write("program", contents);
    return version_at(files.path() + "/program");
}

TEST(GoVersionText, IsReadFromReleasesCandidatesAndDevelopment) {
    EXPECT_EQ(parse_go_version("go1.19.8")->minor, 19);
    EXPECT_EQ(parse_go_version("go1.26rc1")->minor, 26);
    EXPECT_EQ(parse_go_version("go1.25.3 X:boringcrypto")->minor, 25);
    EXPECT_EQ(parse_go_version("devel go1.27-3b4f Tue")->minor, 27);
    for (const std::string text :
         {"", "go", "go1", "go1.", "go.1", "1.25", "cargo1.25", "go99999999999.1", "go1.-5"})
        EXPECT_FALSE(parse_go_version(text).has_value()) << text;
}

TEST(GoBuildinfo, OfGo125FollowsTheContainerUnlessItsModuleIsOlder) {
    const std::string modules = "path\tx\nmod\tx\t(devel)\nbuild\t-compiler=gc\n";
    EXPECT_TRUE(parse_go_buildinfo(buildinfo("go1.25.0", modules))->follows_cpu_limit());
    EXPECT_FALSE(parse_go_buildinfo(buildinfo("go1.24.9", modules))->follows_cpu_limit());
    const std::string older =
        modules + "build\tDefaultGODEBUG=asynctimerchan=1,containermaxprocs=0\nbuild\tCGO=1\n";
    EXPECT_FALSE(parse_go_buildinfo(buildinfo("go1.25.0", older))->follows_cpu_limit());
    const std::string other = modules + "build\tDefaultGODEBUG=x=1\nnote\tcontainermaxprocs=0\n";
    EXPECT_TRUE(parse_go_buildinfo(buildinfo("go1.25.0", other))->follows_cpu_limit());
}

TEST(GoBuildinfo, WithPointersIsOlderThan118) {
    const auto version = parse_go_buildinfo(buildinfo("", "", 0));
    ASSERT_TRUE(version.has_value());
    EXPECT_FALSE(version->follows_cpu_limit());
}

TEST(GoBuildinfo, ThatIsCutOffOrLiesAboutItsLengthIsNone) {
    const std::string whole = buildinfo("go1.25.0", "build\tx\n");
    for (std::size_t length = 0; length < 41; ++length)
        EXPECT_FALSE(parse_go_buildinfo(whole.substr(0, length)).has_value()) << length;
    EXPECT_TRUE(parse_go_buildinfo(whole.substr(0, 41)).has_value());
    std::string endless = whole.substr(0, 32) + std::string(40, '\xff');
    EXPECT_FALSE(parse_go_buildinfo(endless).has_value());
}

TEST(GoProgram, IsRecognisedByItsSection) {
    const auto version = version_in(elf_with(buildinfo("go1.25.1", "path\tx\n")));
    ASSERT_TRUE(version.has_value());
    EXPECT_EQ(version->major, 1);
    EXPECT_EQ(version->minor, 25);
    EXPECT_FALSE(version_in(elf_with(buildinfo("go1.25.1", ""), ".data")).has_value());
}

TEST(GoProgram, IsNoneOfTheseFiles) {
    EXPECT_FALSE(version_at("/nowhere/at/all").has_value());
    EXPECT_FALSE(version_at("/").has_value());
    EXPECT_FALSE(version_at("/dev/zero").has_value());
    EXPECT_FALSE(version_at("/proc/self/exe").has_value());  // this test: C++
    EXPECT_FALSE(version_in("").has_value());
    EXPECT_FALSE(version_in("#!/bin/sh\nexit 0\n").has_value());
    const tests::TempDir files;
    ASSERT_EQ(mkfifo((files.path() + "/fifo").c_str(), 0600), 0);
    EXPECT_FALSE(version_at(files.path() + "/fifo").has_value());
}

TEST(GoProgram, ThatIsCutOffAnywhereIsReadWithoutHarm) {
    const std::string whole = elf_with(buildinfo("go1.25.1", ""));
    for (std::size_t length = 0; length + 1 < whole.size(); ++length)
        EXPECT_FALSE(version_in(whole.substr(0, length)).has_value()) << length;
}

TEST(GoProgram, WithHostileHeadersIsNone) {
    const std::string whole = elf_with(buildinfo("go1.25.1", ""));
    const auto mend = [&](std::size_t offset, std::size_t bytes) {
        std::string hostile = whole;
        std::memset(hostile.data() + offset, 0xff, bytes);
        return version_in(hostile);
    };
    EXPECT_FALSE(mend(offsetof(Elf64_Ehdr, e_shoff), 8).has_value());
    EXPECT_FALSE(mend(offsetof(Elf64_Ehdr, e_shnum), 2).has_value());
    EXPECT_FALSE(mend(offsetof(Elf64_Ehdr, e_shstrndx), 2).has_value());
    const std::size_t names = sizeof(Elf64_Ehdr) + sizeof(Elf64_Shdr);
    EXPECT_FALSE(mend(names + offsetof(Elf64_Shdr, sh_size), 8).has_value());
    EXPECT_FALSE(mend(names + offsetof(Elf64_Shdr, sh_offset), 8).has_value());
    const std::size_t info = names + sizeof(Elf64_Shdr);
    EXPECT_FALSE(mend(info + offsetof(Elf64_Shdr, sh_name), 4).has_value());
    EXPECT_FALSE(mend(info + offsetof(Elf64_Shdr, sh_size), 8).has_value());
    EXPECT_FALSE(mend(info + offsetof(Elf64_Shdr, sh_offset), 8).has_value());
}

}  // namespace
}  // namespace pilotfish::daemon
