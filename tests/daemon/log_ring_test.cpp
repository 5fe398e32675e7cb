#include "daemon/log_ring.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "daemon/line_ring.h"

namespace pilotfish::daemon {
namespace {

using Time = std::chrono::system_clock::time_point;

constexpr std::uint64_t kBase = 1000;
constexpr std::size_t kAll = std::size_t{1} << 20;

void add(LogRing& ring, const std::string& lines, OutputKind kind = OutputKind::standard_output) {
    ring.append(kind, Time{}, {lines, count_lines(lines), false, false});
}

std::string numbered(int number) { return "line " + std::to_string(number) + "\n"; }

std::vector<std::string> texts(const LogRing::Batch& batch) {
    std::vector<std::string> all;
    for (const auto& line : batch.lines) all.push_back(line.text);
    return all;
}

TEST(LogRing, HasNoMemoryBeforeTheFirstLineAndLittleForAFew) {
    LogRing ring(std::size_t{1} << 20, kBase);
    EXPECT_EQ(ring.allocated_bytes(), 0u);
    const LogRing::Batch none = ring.after(0, kAll);
    EXPECT_TRUE(none.lines.empty());
    EXPECT_TRUE(none.at_end);
    EXPECT_EQ(none.missed, 0u);
    add(ring, "ready\n");
    EXPECT_LE(ring.allocated_bytes(), 1024u);
}

TEST(LogRing, NumbersLinesAndTellsTheirStream) {
    LogRing ring(LogRing::kLeastBytes, kBase);
    add(ring, "one\ntwo\r\n");
    add(ring, "three", OutputKind::standard_error);
    const LogRing::Batch batch = ring.after(kBase, kAll);
    ASSERT_EQ(batch.lines.size(), 3u);
    EXPECT_EQ(texts(batch), (std::vector<std::string>{"one", "two", "three"}));
    EXPECT_EQ(batch.lines[0].cursor, kBase + 1);
    EXPECT_EQ(batch.lines[2].cursor, kBase + 3);
    EXPECT_EQ(batch.lines[1].stream, "stdout");
    EXPECT_EQ(batch.lines[2].stream, "stderr");
    EXPECT_EQ(batch.lines[2].time, "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(batch.last, kBase + 3);
    EXPECT_EQ(texts(ring.after(kBase + 1, kAll)), (std::vector<std::string>{"two", "three"}));
    EXPECT_TRUE(ring.after(kBase + 3, kAll).lines.empty());
}

TEST(LogRing, KeepsAnyByteAndMarksPieces) {
    LogRing ring(LogRing::kLeastBytes, kBase);
    const std::string dirt("\0\xFF\r\x1b", 4);
    ring.append(OutputKind::standard_output, Time{}, {dirt, 1, false, true});
    const LogRing::Batch batch = ring.after(0, kAll);
    ASSERT_EQ(batch.lines.size(), 1u);
    EXPECT_EQ(batch.lines[0].text, dirt);
    EXPECT_TRUE(batch.lines[0].partial);
}

// Through many turns of the ring: always the newest, without a hole, and the gap is right.
TEST(LogRing, ForgetsTheOldestAndTellsHowMany) {
    LogRing ring(LogRing::kLeastBytes, kBase);
    int next = 1;
    for (int round = 0; round < 120; ++round) {
        std::string lines;
        for (int i = 0; i <= round % 40; ++i) lines += numbered(next++);
        add(ring, lines);
        const LogRing::Batch batch = ring.after(kBase, kAll);
        ASSERT_FALSE(batch.lines.empty());
        EXPECT_EQ(batch.missed + batch.lines.size(), static_cast<std::uint64_t>(next - 1));
        int expected = static_cast<int>(batch.missed) + 1;
        for (const auto& line : batch.lines) {
            EXPECT_EQ(line.text + "\n", numbered(expected));
            EXPECT_EQ(line.cursor, kBase + static_cast<std::uint64_t>(expected++));
        }
        EXPECT_EQ(batch.last, kBase + static_cast<std::uint64_t>(next - 1));
    }
    EXPECT_LE(ring.allocated_bytes(), LogRing::kLeastBytes);
    EXPECT_GT(ring.after(kBase, kAll).missed, 0u);
}

TEST(LogRing, KeepsTheEndOfAReadLargerThanItself) {
    LogRing ring(LogRing::kLeastBytes, kBase);
    std::string lines;
    for (int i = 1; i <= 5000; ++i) lines += numbered(i);
    add(ring, lines);
    const LogRing::Batch batch = ring.after(kBase, kAll);
    EXPECT_EQ(batch.lines.back().text + "\n", numbered(5000));
    EXPECT_EQ(batch.missed + batch.lines.size(), 5000u);
}

TEST(LogRing, GivesPiecesThatGoOnWhereTheLastEnded) {
    LogRing ring(LogRing::kLeastBytes, kBase);
    for (int i = 1; i <= 200; ++i) add(ring, numbered(i));
    std::uint64_t cursor = kBase;
    std::vector<std::string> all;
    for (bool at_end = false; !at_end;) {
        const LogRing::Batch batch = ring.after(cursor, 100);
        for (const std::string& text : texts(batch)) all.push_back(text);
        ASSERT_GT(batch.last, cursor);
        cursor = batch.last;
        at_end = batch.at_end;
    }
    ASSERT_EQ(all.size(), 200u);
    EXPECT_EQ(all.back() + "\n", numbered(200));
}

TEST(LogRing, TakesACursorThatNeverWasForTheBeginning) {
    LogRing ring(LogRing::kLeastBytes, kBase);
    add(ring, "a\n");
    EXPECT_EQ(ring.after(5, kAll).lines.size(), 1u);
    EXPECT_EQ(ring.after(5, kAll).missed, 0u);
    EXPECT_EQ(ring.after(99'999, kAll).lines.size(), 1u);
}

TEST(LogRing, WakesWhoWaitsAtTheEndOnceForManyLines) {
    LogRing ring(LogRing::kLeastBytes, kBase);
    int woken = 0;
    auto subscription = ring.subscribe([&] { ++woken; });
    add(ring, "nobody waits yet\n");
    EXPECT_EQ(woken, 0);
    ring.after(kBase, kAll);
    add(ring, "a\n");
    add(ring, "b\n");
    EXPECT_EQ(woken, 1);
    ring.after(kBase, kAll);
    ring.end();
    EXPECT_EQ(woken, 2);
    EXPECT_TRUE(ring.after(kBase, kAll).ended);
    EXPECT_EQ(ring.followers(), 1u);
    subscription.reset();
    EXPECT_EQ(ring.followers(), 0u);
}

TEST(LogRing, IsHandedOverWithItsCursors) {
    LogRing old(LogRing::kLeastBytes, kBase);
    for (int i = 1; i <= 3000; ++i) add(old, numbered(i));
    LogRing smaller(LogRing::kLeastBytes, 5 * kBase);
    ASSERT_TRUE(smaller.restore(old.save()));
    EXPECT_EQ(texts(smaller.after(kBase, kAll)), texts(old.after(kBase, kAll)));
    add(smaller, "after it\n");
    const LogRing::Batch batch = smaller.after(kBase + 3000, kAll);
    ASSERT_EQ(texts(batch), std::vector<std::string>{"after it"});
    EXPECT_EQ(batch.last, kBase + 3001);
}

TEST(LogRing, RefusesBlocksThatAreNone) {
    LogRing old(LogRing::kLeastBytes, kBase);
    add(old, "one\ntwo\n");
    const LogRing::Saved good = old.save();
    for (std::size_t size = 1; size < good.blocks.size(); ++size) {
        LogRing ring(LogRing::kLeastBytes, kBase);
        LogRing::Saved cut = good;
        cut.blocks.resize(size);
        EXPECT_FALSE(ring.restore(cut)) << size;
    }
    LogRing::Saved forged = good;
    forged.blocks[4] = 100;  // the count of lines
    LogRing ring(LogRing::kLeastBytes, kBase);
    EXPECT_FALSE(ring.restore(forged));
}

// For the thread sanitizer, and for the promise: what a reader sees has no hole but a told one.
TEST(LogRing, IsReadWhileItIsWritten) {
    LogRing ring(LogRing::kLeastBytes, kBase);
    std::atomic<bool> done{false};
    constexpr int kLines = 20'000;
    std::thread writer([&] {
        for (int i = 1; i <= kLines; ++i) add(ring, numbered(i));
        done = true;
    });
    std::uint64_t cursor = kBase;
    std::uint64_t seen = 0;
    for (bool last = false; !last;) {
        last = done;
        const LogRing::Batch batch = ring.after(cursor, 4096);
        std::uint64_t expected = cursor + batch.missed;
        for (const auto& line : batch.lines) {
            ASSERT_EQ(line.cursor, ++expected);
            ASSERT_EQ(line.text + "\n", numbered(static_cast<int>(line.cursor - kBase)));
        }
        seen += batch.missed + batch.lines.size();
        cursor = batch.last;
        last = last && batch.at_end;
    }
    writer.join();
    EXPECT_EQ(seen, static_cast<std::uint64_t>(kLines));
}

}  // namespace
}  // namespace pilotfish::daemon
