#include "daemon/program_version.h"

#include <gtest/gtest.h>

#include <string>

namespace pilotfish::daemon {
namespace {

using Maybe = std::optional<Version>;

TEST(VersionText, HasUpToThreeNumbers) {
    EXPECT_EQ(parse_version("17.0.15+6"), Maybe(Version{17, 0, 15}));
    EXPECT_EQ(parse_version("3.11"), Maybe(Version{3, 11, 0}));
    EXPECT_EQ(parse_version("21"), Maybe(Version{21, 0, 0}));
    EXPECT_EQ(parse_version("24-ea"), Maybe(Version{24, 0, 0}));
    EXPECT_EQ(parse_version("1.2.3.4"), Maybe(Version{1, 2, 3}));
    EXPECT_EQ(parse_version("1..2"), Maybe(Version{1, 0, 0}));
    for (const char* text : {"", "x", "-1", ".1", "99999999999"})
        EXPECT_FALSE(parse_version(text).has_value()) << text;
}

TEST(JavaRelease, SaysItsVersionInEitherForm) {
    EXPECT_EQ(parse_java_release("IMPLEMENTOR=\"Debian\"\nJAVA_VERSION=\"17.0.15\"\nX=\"\"\n"),
              Maybe(Version{17, 0, 15}));
    EXPECT_EQ(parse_java_release("JAVA_VERSION=\"1.8.0_292\"\n"), Maybe(Version{8, 0, 292}));
    EXPECT_EQ(parse_java_release("JAVA_VERSION=\"1.8.0\""), Maybe(Version{8, 0, 0}));
    EXPECT_EQ(parse_java_release("JAVA_VERSION=21\r\n"), Maybe(Version{21, 0, 0}));
}

TEST(JavaRelease, OfAnotherMachineThanHotSpotIsNone) {
    const std::string version = "JAVA_VERSION=\"17.0.1\"\n";
    EXPECT_TRUE(parse_java_release("JVM_VARIANT=\"Hotspot\"\n" + version).has_value());
    EXPECT_FALSE(parse_java_release("JVM_VARIANT=\"Openj9\"\n" + version).has_value());
    for (const char* text : {"", "JAVA_VERSION_DATE=\"2025-04-15\"\n", "JAVA_VERSION=\"\"\n",
                             "JAVA_VERSION=", "xJAVA_VERSION=\"17\"\n"})
        EXPECT_FALSE(parse_java_release(text).has_value()) << text;
}

TEST(NodeHeader, HasThreeDefinitions) {
    const std::string header =
        "#define NODE_MAJOR_VERSION 20\n#define NODE_MINOR_VERSION 20\n"
        "#define NODE_PATCH_VERSION 2\n\n#define NODE_VERSION_IS_LTS 1\n";
    EXPECT_EQ(parse_node_header(header), Maybe(Version{20, 20, 2}));
    EXPECT_FALSE(parse_node_header(header.substr(0, 40)).has_value());
    EXPECT_FALSE(parse_node_header("").has_value());
}

TEST(NodeLibrary, IsNumberedByItsBinaryInterface) {
    EXPECT_EQ(parse_node_library("libnode.so.108"), Maybe(Version{18, 0, 0}));
    EXPECT_EQ(parse_node_library("libnode.so.999"), Maybe(Version{}));  // newer than we know
    for (const char* text : {"", "libnode.so.", "libnode.so.57", "libnode.so.108.1", "libuv.so.1"})
        EXPECT_FALSE(parse_node_library(text).has_value()) << text;
}

TEST(PythonLibrary, SaysMajorAndMinor) {
    EXPECT_EQ(parse_python_library("libpython3.11.so.1.0"), Maybe(Version{3, 11, 0}));
    for (const char* text : {"", "libpython3.so", "libpython", "libc.so.6"})
        EXPECT_FALSE(parse_python_library(text).has_value()) << text;
}

TEST(ProgramName, IsAStemAndAVersion) {
    EXPECT_EQ(parse_name("python3.11", "python"), Maybe(Version{3, 11, 0}));
    EXPECT_EQ(parse_name("python3.13t", "python"), Maybe(Version{3, 13, 0}));
    EXPECT_EQ(parse_name("ruby", "ruby"), Maybe(Version{}));
    EXPECT_EQ(parse_name("php8.2", "php"), Maybe(Version{8, 2, 0}));
    for (const char* text : {"", "rubyist", "ruby3.1-config", "irb"})
        EXPECT_FALSE(parse_name(text, "ruby").has_value()) << text;
}

}  // namespace
}  // namespace pilotfish::daemon
