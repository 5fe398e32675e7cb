#include "daemon/dumb_init_options.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace pilotfish::daemon {
namespace {

std::map<std::string, std::string> variables;

char* variable(const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.data();
}

DumbInitInvocation parse(std::vector<std::string> words) {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    return parse_dumb_init(static_cast<int>(words.size()), argv.data(), variable);
}

TEST(DumbInitRewrite, TakesTwoSignalsAndIgnoresWhatFollows) {
    int from = 0;
    int to = 0;
    for (const char* text : {"15:2", " 15:+2", "15:2x", "15:2:9"}) {
        from = to = -1;
        EXPECT_TRUE(parse_rewrite(text, from, to)) << text;
        EXPECT_EQ(from, 15) << text;
        EXPECT_EQ(to, 2) << text;
    }
    EXPECT_TRUE(parse_rewrite("1:0", from, to));
    EXPECT_TRUE(parse_rewrite("31:31", from, to));
    for (const char* text : {"", "15", "15:", ":15", "15;2", "0:2", "32:2", "15:32", "15:-1", "a:b",
                             "15 :2", "99999999999999999999:1"})
        EXPECT_FALSE(parse_rewrite(text, from, to)) << text;
}

TEST(DumbInitOptions, StopASessionByTheSignalItCannotIgnoreUnlessToldOtherwise) {
    variables.clear();
    const DumbInitInvocation plain = parse({"dumb-init", "true"});
    const auto& session = std::get<DumbInitOptions>(plain);
    EXPECT_TRUE(session.own_session);
    for (const int signal : {SIGTSTP, SIGTTIN, SIGTTOU})
        EXPECT_EQ(session.rewritten(signal), SIGSTOP);
    EXPECT_EQ(session.rewritten(SIGTERM), SIGTERM);
    EXPECT_EQ(session.rewritten(SIGRTMIN + 3), SIGRTMIN + 3);

    const DumbInitInvocation kept = parse({"dumb-init", "-r", "20:20", "true"});
    EXPECT_EQ(std::get<DumbInitOptions>(kept).rewritten(SIGTSTP), SIGTSTP);
    const DumbInitInvocation alone = parse({"dumb-init", "--single-child", "true"});
    EXPECT_FALSE(std::get<DumbInitOptions>(alone).own_session);
    EXPECT_EQ(std::get<DumbInitOptions>(alone).rewritten(SIGTSTP), SIGTSTP);
}

TEST(DumbInitOptions, OfVariablesCountByTheirExactValue) {
    variables = {{"DUMB_INIT_DEBUG", "1"}, {"DUMB_INIT_SETSID", "0"}};
    const DumbInitInvocation on = parse({"dumb-init", "true"});
    EXPECT_TRUE(std::get<DumbInitOptions>(on).debug);
    EXPECT_FALSE(std::get<DumbInitOptions>(on).own_session);
    variables = {{"DUMB_INIT_DEBUG", "true"}, {"DUMB_INIT_SETSID", "no"}};
    const DumbInitInvocation off = parse({"dumb-init", "true"});
    EXPECT_FALSE(std::get<DumbInitOptions>(off).debug);
    EXPECT_TRUE(std::get<DumbInitOptions>(off).own_session);
}

TEST(DumbInitOptions, EndAtTheProgram) {
    variables.clear();
    const DumbInitInvocation invocation = parse({"dumb-init", "-v", "sh", "-c", "x"});
    EXPECT_TRUE(std::get<DumbInitOptions>(invocation).debug);
    EXPECT_TRUE(std::get<DumbInitOptions>(invocation).own_session);
    EXPECT_TRUE(std::holds_alternative<DumbInitRefusal>(parse({"dumb-init", "-v"})));
}

}  // namespace
}  // namespace pilotfish::daemon
