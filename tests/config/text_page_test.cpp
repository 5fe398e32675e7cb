#include "config/text_page.h"

#include <gtest/gtest.h>

namespace pilotfish::config {
namespace {

TEST(TextPage, SetsEntriesInTwoColumns) {
    TextPage page(false);
    page.heading("Log");
    page.entry("LEVEL", "the least level", 8);
    page.entry("A_VERY_LONG_NAME", "below it", 8);
    page.entry("ALONE", "", 8);
    EXPECT_EQ(page.take(),
              "Log\n"
              "  LEVEL     the least level\n"
              "  A_VERY_LONG_NAME\n"
              "            below it\n"
              "  ALONE\n");
}

TEST(TextPage, WrapsAtEightyColumns) {
    TextPage page(false);
    std::string words;
    for (int i = 0; i < 100; ++i) words.append(i == 0 ? "" : " ").append("word");
    page.paragraph(words);
    page.entry("NAME", words, 10);
    const std::string text = page.take();
    std::size_t longest = 0;
    for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos;
         at = end + 1) {
        longest = std::max(longest, end - at);
    }
    EXPECT_LE(longest, TextPage::kColumns);
    EXPECT_GE(longest, TextPage::kColumns - 5);  // no room was left for another word
}

TEST(TextPage, KeepsAWordThatIsTooLongWhole) {
    TextPage page(false);
    page.paragraph("a " + std::string(100, 'x') + " b");
    EXPECT_EQ(page.take(), "a\n" + std::string(100, 'x') + "\nb\n");
}

TEST(TextPage, ColoursWithoutMovingTheColumns) {
    TextPage page(true);
    page.entry("LEVEL", "x", 8);
    EXPECT_EQ(page.take(), "  \x1b[1mLEVEL\x1b[0m     x\n");
}

}  // namespace
}  // namespace pilotfish::config
