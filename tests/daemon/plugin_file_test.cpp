#include "daemon/plugin_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "tests/support/test_support.h"

using pilotfish::daemon::load_plugin;
using pilotfish::daemon::PluginLoad;
using pilotfish::tests::TempDir;

namespace {

// The refusal of a file with that content.
PluginLoad load_of(const std::string& content) {
    const TempDir dir;
    const std::string path = dir.path() + "/x.so";
    std::ofstream(path, std::ios::binary) << content;
    return load_plugin(path);
}

std::string own_header() {
    std::ifstream self("/proc/self/exe", std::ios::binary);
    std::string header(64, '\0');
    self.read(header.data(), 64);
    return header;
}

}  // namespace

TEST(PluginFile, IsNotFoundLikeACommand) {
    const PluginLoad load = load_plugin("/nowhere/x.so");
    EXPECT_FALSE(load.plugin);
    EXPECT_EQ(load.refusal.exit_code, 127);
    EXPECT_EQ(load.refusal.error.message, "cannot load /nowhere/x.so: no such file");
}

TEST(PluginFile, IsFoundAndCannotBeUsedLikeACommand) {
    for (const std::string& content :
         {std::string(), std::string("#!/bin/sh\n"), std::string(64, 'x')}) {
        const PluginLoad load = load_of(content);
        EXPECT_FALSE(load.plugin);
        EXPECT_EQ(load.refusal.exit_code, 126);
        EXPECT_NE(load.refusal.error.message.find("not a shared object"), std::string::npos)
            << load.refusal.error.message;
    }
}

TEST(PluginFile, OfAnotherProcessorIsSaidToBe) {
    std::string header = own_header();
    header[18] = '\x7f';  // e_machine
    EXPECT_NE(load_of(header).refusal.error.message.find("another kind of processor"),
              std::string::npos);
}

TEST(PluginFile, ThatIsCutShortIsRefusedByTheLinker) {
    // A header that promises more than there is.
    std::string header = own_header();
    header[16] = 3;  // ET_DYN
    const PluginLoad load = load_of(header);
    EXPECT_FALSE(load.plugin);
    EXPECT_EQ(load.refusal.exit_code, 126);
    EXPECT_EQ(load.refusal.error.message.find("cannot load "), 0U);
}

TEST(PluginFile, AFifoHoldsNobodyUp) {
    const TempDir dir;
    const std::string path = dir.path() + "/fifo";
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    const PluginLoad load = load_plugin(path);
    EXPECT_FALSE(load.plugin);
    EXPECT_NE(load.refusal.error.message.find("not a regular file"), std::string::npos);
}

TEST(PluginFile, ThatMayNotBeReadIsRefused) {
    if (getuid() == 0) GTEST_SKIP() << "root may read everything";
    const TempDir dir;
    const std::string path = dir.path() + "/x.so";
    std::ofstream(path) << "x";
    chmod(path.c_str(), 0);
    EXPECT_NE(load_plugin(path).refusal.error.message.find("ermission denied"), std::string::npos);
}
