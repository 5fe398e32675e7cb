#include "daemon/script_line.h"

#include <gtest/gtest.h>

#include <string>

namespace pilotfish::daemon {
namespace {

std::string named(std::string_view head) {
    const auto line = parse_script_line(head);
    if (!line) return "-";
    return std::string(line->by_env ? "PATH:" : "") + std::string(line->interpreter);
}

TEST(ScriptLine, NamesItsInterpreter) {
    EXPECT_EQ(named("#!/bin/sh\necho\n"), "/bin/sh");
    EXPECT_EQ(named("#! /usr/bin/python3 -u\n"), "/usr/bin/python3");
    EXPECT_EQ(named("#!\t/usr/bin/ruby"), "/usr/bin/ruby");
}

TEST(ScriptLine, LooksThroughEnv) {
    EXPECT_EQ(named("#!/usr/bin/env node\n"), "PATH:node");
    EXPECT_EQ(named("#!/usr/bin/env -S node --flag\n"), "PATH:node");
    EXPECT_EQ(named("#!/usr/bin/env -S LANG=C A= node\n"), "PATH:node");
    EXPECT_EQ(named("#!/bin/env /opt/node\n"), "/opt/node");
    for (const char* text : {"#!/usr/bin/env\n", "#!/usr/bin/env -i node\n", "#!/usr/bin/env -S\n",
                             "#!/usr/bin/env A=1\n"})
        EXPECT_EQ(named(text), "-") << text;
}

TEST(ScriptLine, IsNoneInOtherFiles) {
    for (const char* text : {"", "#", "#!", "#!\n", "#! \t\n", "# !/bin/sh",
                             "\x7f"
                             "ELF",
                             "#!relative\n"})
        EXPECT_EQ(named(text), "-") << text;
    EXPECT_EQ(named(std::string_view("#!/bin/sh\0x", 11)), "/bin/sh");
}

TEST(ScriptLine, EndsWhereTheKernelStopsReading) {
    const std::string line = "#!/" + std::string(300, 'a') + "\n";
    EXPECT_EQ(named(line), line.substr(2, 254));
}

}  // namespace
}  // namespace pilotfish::daemon
