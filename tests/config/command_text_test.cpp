#include "config/command_text.h"

#include <gtest/gtest.h>

namespace pilotfish::config {
namespace {

using Words = std::vector<std::string>;

Words words_of(std::string_view text) {
    Words words;
    std::string why;
    EXPECT_TRUE(parse_command(text, words, why)) << text << ": " << why;
    return words;
}

std::string why_not(std::string_view text) {
    Words words{"kept"};
    std::string why;
    EXPECT_FALSE(parse_command(text, words, why)) << text;
    EXPECT_EQ(words, Words{"kept"});
    return why;
}

TEST(CommandText, SplitsWordsAsAShellQuotesThem) {
    EXPECT_EQ(words_of("nginx"), (Words{"nginx"}));
    EXPECT_EQ(words_of("  nginx \t -g\n'daemon off;' "), (Words{"nginx", "-g", "daemon off;"}));
    EXPECT_EQ(words_of(R"(a "b c" d\ e 'f"g' h"i"'j')"), (Words{"a", "b c", "d e", "f\"g", "hij"}));
    EXPECT_EQ(words_of(R"(a "x\"y\\z\$q\n")"), (Words{"a", R"(x"y\z$q\n)"}));
    EXPECT_EQ(words_of(R"(a '\n' "")"), (Words{"a", R"(\n)", ""}));
}

TEST(CommandText, ExpandsNothing) {
    EXPECT_EQ(words_of("echo $HOME *.txt ~ a|b"), (Words{"echo", "$HOME", "*.txt", "~", "a|b"}));
}

TEST(CommandText, ReadsAJsonArrayOfStrings) {
    EXPECT_EQ(words_of(R"(["nginx","-g","daemon off;"])"), (Words{"nginx", "-g", "daemon off;"}));
    EXPECT_EQ(words_of(R"(  [ "a", "\u00e9\n", "" ]  )"), (Words{"a", "\xc3\xa9\n", ""}));
}

TEST(CommandText, RefusesWithAReason) {
    EXPECT_EQ(why_not(""), "names no program");
    EXPECT_EQ(why_not("   "), "names no program");
    EXPECT_EQ(why_not("[]"), "names no program");
    EXPECT_EQ(why_not("'' a"), "names no program");
    EXPECT_EQ(why_not(R"(["","a"])"), "names no program");
    EXPECT_EQ(why_not("a 'b"), "has a quote that is never closed");
    EXPECT_EQ(why_not("a \"b\\\""), "has a quote that is never closed");
    EXPECT_EQ(why_not("a \\"), "ends in a lone backslash");
    EXPECT_EQ(why_not("[nginx]"), "begins with [ but is no JSON array");
    EXPECT_EQ(why_not(R"(["a")"), "begins with [ but is no JSON array");
    EXPECT_EQ(why_not(R"(["a"] b)"), "begins with [ but is no JSON array");
    EXPECT_EQ(why_not(R"(["a",1])"), "has an item that is no string");
    EXPECT_EQ(why_not("[\"a\",\"\xff\"]"), "begins with [ but is no JSON array");
    EXPECT_EQ(why_not(R"(["a","b\u0000c"])"), "has a NUL character");
}

TEST(CommandText, SurvivesDeepNesting) {
    EXPECT_EQ(why_not(std::string(100'000, '[')), "begins with [ but is no JSON array");
    EXPECT_EQ(why_not(std::string(10'000, '[') + std::string(10'000, ']')),
              "has an item that is no string");
}

TEST(CommandText, IsWrittenAsItIsRead) {
    for (const Words& words :
         {Words{"a"}, Words{"a", ""}, Words{"it's", "a b", "$x", "\"", "\\", "\n"}, Words{"[x"},
          Words{"-", "--x=y,z", "/a/b:c@d%e"}}) {
        EXPECT_EQ(words_of(format_command(words)), words) << format_command(words);
    }
    EXPECT_EQ(format_command({"nginx", "-g", "daemon off;"}), "nginx -g 'daemon off;'");
}

TEST(ShellOnlyPart, IsMeantForTheShellWhereTheCommandIsOne) {
    EXPECT_EQ(shell_only_part("sh -c \"echo $HOME; exit 1\""), "");
    EXPECT_EQ(shell_only_part("/bin/bash -c 'a | b'"), "");
}

TEST(ShellOnlyPart, IsNotLookedForInsideDoubleQuotes) {
    EXPECT_EQ(shell_only_part("echo \"a ; b | c\" d"), "");
    EXPECT_EQ(shell_only_part("echo \"it's\" ; b"), ";");
}

TEST(ShellOnlyPart, FindsWhatOnlyAShellWouldActOn) {
    EXPECT_EQ(shell_only_part("echo $HOME x"), "$HOME");
    EXPECT_EQ(shell_only_part("echo \"a ${X}\""), "${X}");
    EXPECT_EQ(shell_only_part("echo $(date)"), "$(date)");
    EXPECT_EQ(shell_only_part("echo `date`"), "`date`");
    EXPECT_EQ(shell_only_part("a | b"), "|");
    EXPECT_EQ(shell_only_part("a && b"), "&&");
    EXPECT_EQ(shell_only_part("a > /dev/null"), ">");
    EXPECT_EQ(shell_only_part("cd /x; b"), ";");
    EXPECT_EQ(shell_only_part("a &"), "&");
}

TEST(ShellOnlyPart, LeavesQuotedAndOrdinaryTextAlone) {
    for (const char* text : {"nginx -g 'daemon off;'", "a '$HOME' '|'", R"(a \$HOME)", "a \"|\" b",
                             "a 5$ $", R"(["sh","-c","a $HOME | b"])", "a ';' b", "", "'"}) {
        EXPECT_EQ(shell_only_part(text), "") << text;
    }
}

TEST(ListText, DropsBlanksAndRefusesEmptyItems) {
    Words items;
    std::string why;
    EXPECT_TRUE(parse_list("a, b ,c", items, why));
    EXPECT_EQ(items, (Words{"a", "b", "c"}));
    for (const char* text : {"", ",", "a,", ",a", "a,,b", "a, ,b"}) {
        EXPECT_FALSE(parse_list(text, items, why)) << text;
        EXPECT_EQ(why, "has an empty item");
    }
}

}  // namespace
}  // namespace pilotfish::config
