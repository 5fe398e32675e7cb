#include "daemon/line_framer.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace pilotfish::daemon {
namespace {

struct Piece {
    std::string text;
    bool continues = false;
    bool goes_on = false;
    bool operator==(const Piece&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Piece& piece) {
    return out << (piece.continues ? "+" : "") << '"' << piece.text << '"'
               << (piece.goes_on ? "+" : "");
}

std::vector<Piece> frame(const std::vector<std::string>& chunks, std::size_t cap) {
    LineFramer framer(cap);
    std::vector<Piece> pieces;
    Line line;
    const auto drain = [&] {
        while (framer.next(line)) {
            pieces.push_back({std::string(line.text), line.continues, line.goes_on});
        }
    };
    for (const std::string& chunk : chunks) {
        framer.feed(chunk);
        drain();
    }
    framer.end();
    drain();
    EXPECT_TRUE(framer.idle());
    return pieces;
}

std::vector<Piece> frame(const std::string& text, std::size_t cap = 8) {
    return frame(std::vector<std::string>{text}, cap);
}

using Pieces = std::vector<Piece>;

TEST(LineFramer, EndsLinesAtLfAndCrLf) {
    EXPECT_EQ(frame("a\nb\r\n\n\r\nc"), (Pieces{{"a"}, {"b"}, {""}, {""}, {"c"}}));
}

TEST(LineFramer, KeepsACrThatEndsNothing) {
    EXPECT_EQ(frame("1%\r2%\r\n"), (Pieces{{"1%\r2%"}}));
    EXPECT_EQ(frame("a\r\r\n"), (Pieces{{"a\r"}}));
    EXPECT_EQ(frame("a\r"), (Pieces{{"a\r"}}));
}

TEST(LineFramer, KeepsNulAndDirt) {
    EXPECT_EQ(frame(std::string("a\0\xFF\n", 4)), (Pieces{{std::string("a\0\xFF", 3)}}));
}

TEST(LineFramer, GivesNothingForAnEmptyStream) { EXPECT_EQ(frame(""), Pieces{}); }

TEST(LineFramer, TakesALineOfExactlyTheCapWhole) {
    EXPECT_EQ(frame("12345678\n"), (Pieces{{"12345678"}}));
    EXPECT_EQ(frame("12345678\r\n"), (Pieces{{"12345678"}}));
    EXPECT_EQ(frame("12345678"), (Pieces{{"12345678"}}));
}

TEST(LineFramer, CutsALineOverTheCapAndMarksItsPieces) {
    EXPECT_EQ(frame("123456789\nb\n"),
              (Pieces{{"12345678", false, true}, {"9", true, false}, {"b"}}));
    EXPECT_EQ(frame("12345678\rx\n"), (Pieces{{"12345678", false, true}, {"\rx", true, false}}));
    EXPECT_EQ(frame("12345678\r"), (Pieces{{"12345678", false, true}, {"\r", true, false}}));
    EXPECT_EQ(frame(std::string(20, 'x')),
              (Pieces{{"xxxxxxxx", false, true}, {"xxxxxxxx", true, true}, {"xxxx", true, false}}));
}

TEST(LineFramer, DoesNotCutWithinAUtf8Sequence) {
    EXPECT_EQ(frame("1234567\u00e9\n"),
              (Pieces{{"1234567", false, true}, {"\u00e9", true, false}}));
    EXPECT_EQ(frame("12345\U0001F41F\n"),
              (Pieces{{"12345", false, true}, {"\U0001F41F", true, false}}));
    EXPECT_EQ(frame("1234\U0001F41F\n"), (Pieces{{"1234\U0001F41F"}}));
}

TEST(LineFramer, CutsAtTheCapWhereBytesAreNoUtf8) {
    const std::string dirt(9, '\x80');
    EXPECT_EQ(frame(dirt), (Pieces{{std::string(8, '\x80'), false, true}, {"\x80", true, false}}));
}

TEST(LineFramer, GivesTheSameLinesHoweverTheBytesArrive) {
    const std::string text =
        "a\r\n12345678\r\n123456789\r\n1234567\u00e9\n\n\r\rx\r\ny" + std::string(30, 'z');
    const Pieces whole = frame(text);
    for (std::size_t i = 0; i <= text.size(); ++i) {
        for (std::size_t j = i; j <= text.size(); ++j) {
            const std::vector<std::string> chunks{text.substr(0, i), text.substr(i, j - i),
                                                  text.substr(j)};
            ASSERT_EQ(frame(chunks, 8), whole) << "split at " << i << " and " << j;
        }
    }
}

TEST(LineFramer, LosesNoByteOfRandomDirt) {
    std::mt19937 random(20261123);
    const std::string alphabet("\r\n\nab\xC3\xA9\xF0\x9F\x90\x9F\0", 12);
    for (int round = 0; round < 2000; ++round) {
        const std::size_t cap = 4 + random() % 12;
        std::string text;
        for (std::size_t left = random() % 80; left > 0; --left) {
            text += alphabet[random() % alphabet.size()];
        }
        std::vector<std::string> chunks;
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t size = 1 + random() % 20;
            chunks.push_back(text.substr(at, size));
            at += size;
        }
        std::string joined;
        for (const Piece& piece : frame(chunks, cap)) {
            ASSERT_LE(piece.text.size(), cap);
            joined += piece.text;
            if (!piece.goes_on) joined += '\n';
        }
        std::string expected;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
            expected += text[i];
        }
        if (!expected.empty() && expected.back() != '\n') expected += '\n';
        ASSERT_EQ(joined, expected) << "round " << round;
    }
}

TEST(LineFramer, GivesViewsOfLinesThatLieWholeInTheBytesFed) {
    const std::string bytes = "one\ntwo\n";
    LineFramer framer;
    framer.feed(bytes);
    Line line;
    ASSERT_TRUE(framer.next(line));
    EXPECT_EQ(line.text.data(), bytes.data());
    ASSERT_TRUE(framer.next(line));
    EXPECT_EQ(line.text.data(), bytes.data() + 4);
    EXPECT_FALSE(framer.next(line));
}

TEST(LineFramer, AnotherOneGoesOnInTheMidstOfALine) {
    for (std::size_t cut = 0; cut <= 12; ++cut) {
        const std::string text = "ab\r\ncdefghij\n";
        LineFramer first(4);
        std::string given;
        const auto drain = [&given](LineFramer& framer) {
            for (Line line; framer.next(line);) {
                given.append(line.continues ? "+" : "").append(line.text).append("|");
            }
        };
        first.feed(std::string_view(text).substr(0, cut));
        drain(first);
        LineFramer second(4);
        second.resume(std::string(first.unfinished()), first.continues());
        second.feed(std::string_view(text).substr(cut));
        drain(second);
        EXPECT_EQ(given, "ab|cdef|+ghij|") << cut;
        EXPECT_TRUE(second.idle());
    }
}

}  // namespace
}  // namespace pilotfish::daemon
