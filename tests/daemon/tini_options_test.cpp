#include "daemon/tini_options.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

namespace pilotfish::daemon {
namespace {

std::map<std::string, std::string> variables;

char* variable(const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.data();
}

// argv as a program has it, alive for the test.
struct Line {
    explicit Line(std::vector<std::string> words) : text(std::move(words)) {
        for (std::string& word : text) argv.push_back(word.data());
        argv.push_back(nullptr);
    }
    TiniInvocation parse() {
        return parse_tini(static_cast<int>(text.size()), argv.data(), variable);
    }
    std::vector<std::string> text;
    std::vector<char*> argv;
};

TEST(TiniOptions, AreReadTogetherAndApart) {
    variables.clear();
    Line line({"tini", "-sgw", "-vv", "-p", "SIGUSR1", "-e", "3", "-e143", "--", "sh", "-c", "x"});
    const TiniInvocation invocation = line.parse();
    const auto& options = std::get<TiniOptions>(invocation);
    EXPECT_TRUE(options.subreaper && options.kill_process_group && options.warn_on_reap);
    EXPECT_EQ(options.verbosity, 3);
    EXPECT_EQ(options.parent_death_signal, SIGUSR1);
    EXPECT_EQ(options.good_codes, (std::vector<int>{3, 143}));
    EXPECT_STREQ(options.command[0], "sh");
    EXPECT_STREQ(options.command[2], "x");
    EXPECT_EQ(options.command[3], nullptr);
}

TEST(TiniOptions, OfVariablesOverruleTheVerbosity) {
    variables = {{"TINI_SUBREAPER", ""}, {"TINI_KILL_PROCESS_GROUP", "0"}, {"TINI_VERBOSITY", "0"}};
    Line line({"tini", "-vvv", "true"});
    const TiniInvocation invocation = line.parse();
    const auto& options = std::get<TiniOptions>(invocation);
    EXPECT_TRUE(options.subreaper && options.kill_process_group);
    EXPECT_EQ(options.verbosity, 0);
}

TEST(TiniOptions, RefuseWhatIsNoSignalNameOrExitCode) {
    variables.clear();
    for (const char* signal : {"TERM", "15", "SIG", "SIGNOSUCH", "", "SIGTERM "}) {
        Line line({"tini", "-p", signal, "true"});
        const TiniInvocation invocation = line.parse();
        ASSERT_TRUE(std::holds_alternative<TiniRefusal>(invocation)) << signal;
        EXPECT_EQ(std::get<TiniRefusal>(invocation).fatal,
                  std::string("Not a valid option for -p: ") + signal);
    }
    for (const char* code : {"-1", "256", "", "3x", "99999999999999999999"}) {
        Line line({"tini", "-e", code, "true"});
        EXPECT_TRUE(std::holds_alternative<TiniRefusal>(line.parse())) << code;
    }
}

TEST(TiniOptions, WithoutAProgramAreRefusedWithTheUsage) {
    variables.clear();
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"tini"}, {"tini", "--"}, {"tini", "-s"}}) {
        Line line(words);
        const TiniInvocation invocation = line.parse();
        ASSERT_TRUE(std::holds_alternative<TiniRefusal>(invocation));
        EXPECT_EQ(std::get<TiniRefusal>(invocation).fatal, "");
    }
}

}  // namespace
}  // namespace pilotfish::daemon
