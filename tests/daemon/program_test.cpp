#include "daemon/program.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/daemon/elf_image.h"
#include "tests/support/test_support.h"

namespace pilotfish::daemon {
namespace {

// A small machine: programs made by hand below a directory of its own.
class ProgramTest : public testing::Test {
  protected:
    std::string path(const std::string& name) const { return files_.path() + "/" + name; }
    void program(const std::string& name, const std::string& contents) const {
        files_.write(name, contents);
        ASSERT_EQ(chmod(path(name).c_str(), 0755), 0);
    }
    void link(const std::string& target, const std::string& name) const {
        ASSERT_EQ(symlink(target.c_str(), path(name).c_str()), 0);
    }
    // What it is, in words; "" is unknown.
    std::string found(const std::string& name) const {
        return program_words(recognise(path(name), {"PATH=" + path("bin")}));
    }
    std::string node() const {
        return dynamic_image({"_ZN4node5StartEiPPc", "napi_object_freeze"}, {});
    }
    std::string node_header(const std::string& major) const {
        return "#define NODE_MAJOR_VERSION " + major +
               "\n#define NODE_MINOR_VERSION 1\n#define NODE_PATCH_VERSION 2\n";
    }
    tests::TempDir files_;
};

TEST_F(ProgramTest, NodeIsWhatExportsIt) {
    program("bin/node", node());
    EXPECT_EQ(found("bin/node"), "Node.js");
    EXPECT_EQ(recognise(path("bin/node"), {}).language, Language::node);
    files_.write("include/node/node_version.h", node_header("20"));
    EXPECT_EQ(found("bin/node"), "Node.js 20.1.2");
    link("node", "bin/js");
    EXPECT_EQ(found("bin/js"), "Node.js 20.1.2");
}

TEST_F(ProgramTest, NodeIsNoOtherProgramOfThatNameNorOneThatIsTooOld) {
    files_.write("include/node/node_version.h", node_header("20"));
    program("bin/node", dynamic_image({"main"}, {"libc.so.6"}));
    EXPECT_EQ(found("bin/node"), "");
    program("bin/node", dynamic_image({"_ZN4node5StartEiPPc"}, {}));  // before Node-API of 2020
    EXPECT_EQ(found("bin/node"), "");
    program("bin/app", node());  // Electron, or a program packed with one
    EXPECT_EQ(found("bin/app"), "");
}

TEST_F(ProgramTest, NodeOfDebianIsToldByItsLibrary) {
    program("bin/node", dynamic_image({}, {"libnode.so.115", "libc.so.6"}));
    EXPECT_EQ(found("bin/node"), "Node.js 20");
    program("bin/node", dynamic_image({}, {"libnode.so.57"}));
    EXPECT_EQ(found("bin/node"), "");
}

TEST_F(ProgramTest, JavaIsToldByTheReleaseAroundIt) {
    program("jdk/bin/java", dynamic_image({}, {}));
    EXPECT_EQ(found("jdk/bin/java"), "");
    files_.write("jdk/release", "JAVA_VERSION=\"17.0.15\"\n");
    EXPECT_EQ(found("jdk/bin/java"), "JVM 17.0.15");
    program("bin/x", "");
    link(path("jdk/bin/java"), "bin/java");
    EXPECT_EQ(found("bin/java"), "JVM 17.0.15");
    program("jdk8/jre/bin/java", dynamic_image({}, {}));
    files_.write("jdk8/release", "JAVA_VERSION=\"1.8.0_292\"\n");
    EXPECT_EQ(found("jdk8/jre/bin/java"), "JVM 8u292");
    files_.write("jdk/release", "JVM_VARIANT=\"Openj9\"\nJAVA_VERSION=\"17.0.15\"\n");
    EXPECT_EQ(found("jdk/bin/java"), "");
}

TEST_F(ProgramTest, PythonIsToldByItsNameOrItsLibrary) {
    program("bin/python3.11", dynamic_image({}, {}));
    link("python3.11", "bin/python3");
    EXPECT_EQ(found("bin/python3"), "CPython 3.11");
    program("other/python", dynamic_image({}, {"libpython3.13.so.1.0"}));
    EXPECT_EQ(found("other/python"), "CPython 3.13");
    program("bin/python-tool", dynamic_image({}, {}));
    EXPECT_EQ(found("bin/python-tool"), "");
}

TEST_F(ProgramTest, MakeIsTheOneThatLoadsModules) {
    program("bin/make", dynamic_image({"gmk_alloc"}, {}));
    EXPECT_EQ(found("bin/make"), "GNU make");
    program("bin/gmake", dynamic_image({"main"}, {}));
    EXPECT_EQ(found("bin/gmake"), "");
}

TEST_F(ProgramTest, AScriptIsWhatItsFirstLineNames) {
    program("bin/node", node());
    program("bin/npm", "#!/usr/bin/env node\nrequire('npm')\n");
    EXPECT_EQ(found("bin/npm"), "Node.js");
    program("bin/again", "#!" + path("bin/npm") + "\n");
    EXPECT_EQ(found("bin/again"), "Node.js");
    program("bin/lost", "#!/usr/bin/env nowhere\n");
    EXPECT_EQ(found("bin/lost"), "");
    program("bin/sh-script", "#!/bin/sh\nexec node app.js\n");
    EXPECT_EQ(found("bin/sh-script"), "");
}

TEST_F(ProgramTest, AScriptThatNamesItselfIsGivenUp) {
    program("bin/circle", "#!" + path("bin/circle") + "\n");
    EXPECT_EQ(found("bin/circle"), "");
}

TEST_F(ProgramTest, ErlangIsTheScriptThatStartsIt) {
    program("bin/erl", "#!/bin/sh\nBINDIR=x\nexec \"$BINDIR/erlexec\" ${1+\"$@\"}\n");
    EXPECT_EQ(found("bin/erl"), "Erlang");
    program("bin/erl", "#!/bin/sh\necho other\n");
    EXPECT_EQ(found("bin/erl"), "");
}

TEST_F(ProgramTest, GoIsToldWhateverItsName) {
    std::string info("\xff Go buildinf:");
    info += std::string("\x08\x02", 2);
    info.resize(32, '\0');
    info += std::string("\x08go1.26.1\x01x", 11);
    program("bin/node", elf_image({{".go.buildinfo", info}}));
    EXPECT_EQ(found("bin/node"), "Go 1.26");
}

TEST_F(ProgramTest, IsUnknownWhereThereIsNothingToSee) {
    EXPECT_EQ(program_words(recognise("", {})), "");
    EXPECT_EQ(found("nothing"), "");
    EXPECT_EQ(program_words(recognise("/", {})), "");
    EXPECT_EQ(program_words(recognise("/dev/zero", {})), "");
    EXPECT_EQ(program_words(recognise("/proc/self/exe", {})), "");
    program("bin/ruby", "not a program");
    EXPECT_EQ(found("bin/ruby"), "");
    program("bin/noise", "#!/dev/zero\n");
    EXPECT_EQ(found("bin/noise"), "");
    ASSERT_EQ(mkfifo(path("bin/php").c_str(), 0700), 0);
    EXPECT_EQ(found("bin/php"), "");
}

}  // namespace
}  // namespace pilotfish::daemon
