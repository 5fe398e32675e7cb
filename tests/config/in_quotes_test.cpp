#include "config/in_quotes.h"

#include <gtest/gtest.h>

namespace pilotfish::config {
namespace {

TEST(InQuotes, StaysOnOneLineAndEscapesWhatWouldMislead) {
    EXPECT_EQ(in_quotes(""), "\"\"");
    EXPECT_EQ(in_quotes("a b"), "\"a b\"");
    EXPECT_EQ(in_quotes("a\"b\\"), R"("a\"b\\")");
    EXPECT_EQ(in_quotes("a\nb\x1b[2J\x7f"), R"("a\x0ab\x1b[2J\x7f")");
    EXPECT_EQ(in_quotes("\xc3\xa9"), "\"\xc3\xa9\"");
}

TEST(InQuotes, CutsLongTextAndSaysHowLongItWas) {
    const std::string text = in_quotes(std::string(5000, 'x'));
    EXPECT_EQ(text, "\"" + std::string(120, 'x') + "\"... (5000 bytes)");
}

}  // namespace
}  // namespace pilotfish::config
