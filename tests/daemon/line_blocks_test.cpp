#include "daemon/line_blocks.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace pilotfish::daemon {
namespace {

struct Given {
    std::string bytes;
    std::uint64_t lines;
    bool continues = false;
    bool goes_on = false;
    bool operator==(const Given&) const = default;
};

std::vector<Given> cut(const std::vector<std::string>& reads, std::size_t cap) {
    LineBlocks blocks(cap);
    std::vector<Given> given;
    const auto take = [&] {
        for (LineBlock block; blocks.next(block);)
            given.push_back(
                {std::string(block.bytes), block.lines, block.continues, block.goes_on});
    };
    for (const std::string& read : reads) {
        blocks.feed(read);
        take();
    }
    blocks.end();
    take();
    return given;
}

TEST(LineBlocks, GivesWholeLinesOfAReadAtOnce) {
    EXPECT_EQ(cut({"a\nb\r\n\nc"}, 16), (std::vector<Given>{{"a\nb\r\n\n", 3}, {"c", 1}}));
}

TEST(LineBlocks, JoinsALineThatSpansReads) {
    EXPECT_EQ(cut({"a\nb", "c", "d\ne\nf\n"}, 16),
              (std::vector<Given>{{"a\n", 1}, {"bcd\n", 1}, {"e\nf\n", 2}}));
}

TEST(LineBlocks, CutsALineOverTheCapWithItsMarks) {
    EXPECT_EQ(cut({"x\n0123456789\ny\n"}, 4), (std::vector<Given>{{"x\n", 1},
                                                                  {"0123", 1, false, true},
                                                                  {"4567", 1, true, true},
                                                                  {"89\n", 1, true, false},
                                                                  {"y\n", 1}}));
}

TEST(LineBlocks, TakesALineOfTheCapWithEitherEndWhole) {
    EXPECT_EQ(cut({"0123\n4567\r\n"}, 4), (std::vector<Given>{{"0123\n", 1}, {"4567\r\n", 1}}));
}

// Whatever the bytes and the reads: the same bytes, the same lines as the framer's.
TEST(LineBlocks, AgreesWithTheFramerOnRandomDirt) {
    std::mt19937 random(5);
    for (int round = 0; round < 2000; ++round) {
        const std::size_t cap = 4 + random() % 12;
        std::string all;
        for (std::size_t left = random() % 200; left > 0; --left)
            all += "ab\n\n\r\0\xC3\xA9"[random() % 8];
        std::vector<std::string> reads;
        for (std::size_t at = 0; at < all.size();) {
            const std::size_t size = 1 + random() % 40;
            reads.push_back(all.substr(at, size));
            at += size;
        }
        std::string joined;
        std::uint64_t lines = 0;
        for (const Given& given : cut(reads, cap)) {
            joined += given.bytes;
            lines += given.lines;
        }
        EXPECT_EQ(joined, all);
        LineFramer framer(cap);
        framer.feed(all);
        std::uint64_t expected = 0;
        for (Line line; framer.next(line);) ++expected;
        framer.end();
        for (Line line; framer.next(line);) ++expected;
        EXPECT_EQ(lines, expected) << "round " << round;
    }
}

}  // namespace
}  // namespace pilotfish::daemon
