#include "daemon/line_watch.h"

#include <gtest/gtest.h>

namespace pilotfish::daemon {
namespace {

struct Watched {
    explicit Watched(const std::string& text) {
        config::LinePattern pattern;
        std::string why;
        EXPECT_TRUE(config::LinePattern::parse(text, pattern, why)) << why;
        watch = std::make_shared<LineWatch>(pattern, [this] { ++found; });
    }
    int found = 0;
    std::shared_ptr<LineWatch> watch;
};

TEST(LineWatch, FindsALineInAnyStreamOnce) {
    Watched one("^up$");
    const auto output = one.watch->make_tap();
    const auto errors = one.watch->make_tap();
    EXPECT_TRUE(output->see("starting\nu"));
    EXPECT_TRUE(errors->see("u"));
    EXPECT_EQ(one.found, 0);
    EXPECT_FALSE(output->see("p\r\nup\n")) << "it has seen enough";
    EXPECT_EQ(one.found, 1);
    EXPECT_FALSE(errors->see("p\n")) << "the other stream need not be looked at any more";
    EXPECT_EQ(one.found, 1);
}

TEST(LineWatch, NeedsTheLinesEndAndLooksAtItsHeadAlone) {
    Watched one("up");
    const auto tap = one.watch->make_tap();
    EXPECT_TRUE(tap->see("up"));
    EXPECT_EQ(one.found, 0) << "the line has no end yet";
    Watched other("up");
    const auto long_line = other.watch->make_tap();
    const std::string head(config::LinePattern::kMostLineBytes, 'x');
    EXPECT_TRUE(long_line->see(head + " is up\n"));
    EXPECT_EQ(other.found, 0);
    EXPECT_FALSE(long_line->see("up\n"));
}

TEST(LineWatch, TellsNobodyOnceItWasStopped) {
    Watched one("up");
    const auto tap = one.watch->make_tap();
    one.watch->stop();
    EXPECT_FALSE(tap->see("up\n"));
    EXPECT_EQ(one.found, 0);
}

}  // namespace
}  // namespace pilotfish::daemon
