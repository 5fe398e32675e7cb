#include "config/environment_file.h"

#include <gtest/gtest.h>

namespace pilotfish::config {
namespace {

Variables variables_of(std::string_view text) {
    Variables variables;
    std::string why;
    EXPECT_TRUE(parse_environment_file(text, variables, why)) << why;
    return variables;
}

std::string refusal_of(std::string_view text) {
    Variables variables;
    std::string why;
    EXPECT_FALSE(parse_environment_file(text, variables, why)) << text;
    return why;
}

TEST(EnvironmentFile, HasCommentsBlankLinesAndValues) {
    EXPECT_EQ(variables_of("# a comment\n\n ; another\nA=1\n  export  B = two words \nC=\nD=x#y"),
              (Variables{{"A", "1"}, {"B", "two words"}, {"C", ""}, {"D", "x#y"}}));
    EXPECT_EQ(variables_of(""), Variables{});
}

TEST(EnvironmentFile, QuotesKeepWhatStandsBetweenThem) {
    EXPECT_EQ(variables_of(R"(A='as it stands: $HOME \n #'
B="a \"quote\", a \\, a \$, a \n"
C="two
lines"
D=' x 'y
)"),
              (Variables{{"A", R"(as it stands: $HOME \n #)"},
                         {"B", R"(a "quote", a \, a $, a \n)"},
                         {"C", "two\nlines"},
                         {"D", " x y"}}));
}

TEST(EnvironmentFile, ABackslashJoinsLinesAndKeepsABlank) {
    EXPECT_EQ(variables_of("A=/a:\\\n/b\nB=x\\ \n"), (Variables{{"A", "/a:/b"}, {"B", "x "}}));
}

TEST(EnvironmentFile, FromWindowsIsTheSame) {
    EXPECT_EQ(variables_of("\xEF\xBB\xBF"
                           "A=1\r\nB=\"2\"\r\n"),
              (Variables{{"A", "1"}, {"B", "2"}}));
}

TEST(EnvironmentFile, TheLastOfTwoValuesStandsInTheFirstPlace) {
    EXPECT_EQ(variables_of("A=1\nB=2\nA=3\n"), (Variables{{"A", "3"}, {"B", "2"}}));
    Variables variables = {{"B", "0"}};
    std::string why;
    ASSERT_TRUE(parse_environment_file("A=1\nB=2", variables, why));
    EXPECT_EQ(variables, (Variables{{"B", "2"}, {"A", "1"}}));
}

TEST(EnvironmentFile, WhatIsNoVariableIsRefusedByItsLineAndNeverQuoted) {
    EXPECT_EQ(refusal_of("A=1\nsecret\n"), "line 2: it is not NAME=value");
    EXPECT_EQ(refusal_of("1A=2"),
              "line 1: what stands before the = is no name of letters, digits and _");
    EXPECT_EQ(refusal_of("\n\nA=\"open\nand on\n"), "line 3: a quote is not closed");
    EXPECT_EQ(refusal_of(std::string_view("A=\0", 3)),
              "it has a NUL byte, which no variable can hold");
}

}  // namespace
}  // namespace pilotfish::config
