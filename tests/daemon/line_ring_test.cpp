#include "daemon/line_ring.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace pilotfish::daemon {
namespace {

std::string text_of(const LineRing& ring, std::size_t most) {
    iovec parts[2];
    std::string text;
    const int count = ring.parts(parts, most);
    for (int i = 0; i < count; ++i) {
        text.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
    }
    return text;
}

TEST(LineRing, CountsWhatStandsBehindTheLastLineEndAsALine) {
    EXPECT_EQ(count_lines(""), 0u);
    EXPECT_EQ(count_lines("a\nb\n"), 2u);
    EXPECT_EQ(count_lines("a\nb"), 2u);
    EXPECT_EQ(whole_lines("a\nbc"), 2u);
    EXPECT_EQ(whole_lines("abc"), 0u);
}

TEST(LineRing, CountsLineEndsOfTextsOfEveryLength) {
    for (std::size_t size = 0; size < 5000; size += size < 100 ? 1 : 97) {
        EXPECT_EQ(count_ends(std::string(size, '\n')), size);
        std::string mixed(size, 'x');
        for (std::size_t i = 0; i < size; i += 3) mixed[i] = '\n';
        EXPECT_EQ(count_ends(mixed), (size + 2) / 3);
    }
}

TEST(LineRing, ShowsWholeLinesWhereItCan) {
    LineRing ring(4096);
    ASSERT_TRUE(ring.append("one\ntwo\nthree\n"));
    EXPECT_EQ(text_of(ring, 100), "one\ntwo\nthree\n");
    EXPECT_EQ(text_of(ring, 10), "one\ntwo\n");
    EXPECT_EQ(text_of(ring, 2), "on");
    ring.consume(4);
    EXPECT_EQ(text_of(ring, 100), "two\nthree\n");
}

TEST(LineRing, KeepsOrderRoundTheSeam) {
    LineRing ring(4096);
    ASSERT_TRUE(ring.append(std::string(4000, 'x')));
    ring.consume(3999);
    const std::string lines = std::string(150, 'y') + "\nend\n";
    ASSERT_TRUE(ring.append(lines));
    EXPECT_EQ(text_of(ring, 4096), "x" + lines);
    EXPECT_EQ(text_of(ring, 155), "x" + lines.substr(0, 151))
        << "ends with the line that ends there";
    EXPECT_EQ(ring.clear(), 2u) << "the line on the seam counts once";
    EXPECT_TRUE(ring.empty());
}

TEST(LineRing, TakesExactlyItsCapacity) {
    LineRing ring(1);
    EXPECT_EQ(ring.capacity(), 4096u) << "rounded up to a page";
    ASSERT_TRUE(ring.append(std::string(4095, 'x') + "\n"));
    EXPECT_EQ(ring.free_bytes(), 0u);
    EXPECT_EQ(ring.clear(), 1u);
}

TEST(LineRing, TouchesNoMoreThanItHolds) {
    LineRing ring(std::size_t{1} << 20);
    ASSERT_TRUE(ring.append("a\n"));
    iovec parts[2];
    ring.parts(parts, 2);
    char* const base = static_cast<char*>(parts[0].iov_base);
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const auto resident = [&] {
        std::vector<unsigned char> pages(ring.capacity() / page);
        EXPECT_EQ(mincore(base, ring.capacity(), pages.data()), 0);
        std::size_t count = 0;
        for (const unsigned char in_memory : pages) count += in_memory & 1;
        return count * page;
    };
    for (int i = 0; i < 100'000; ++i) {
        ASSERT_TRUE(ring.append("a line\n"));
        ring.consume(ring.size());
    }
    EXPECT_LE(resident(), page);
    EXPECT_FALSE(ring.holds_spare_memory());

    ASSERT_TRUE(ring.append(std::string(ring.capacity(), 'x')));
    EXPECT_GE(resident(), ring.capacity() / 2);
    ring.clear();
    EXPECT_TRUE(ring.holds_spare_memory());
    ring.give_back();
    EXPECT_LE(resident(), LineRing::kKeptBytes);
}

TEST(LineRing, CopiesAllOfItOverTheSeam) {
    LineRing ring(4096);
    EXPECT_EQ(ring.text(), "");
    ASSERT_TRUE(ring.append(std::string(4000, 'a')));
    ring.consume(3990);
    ASSERT_TRUE(ring.append(std::string(200, 'b')));
    EXPECT_EQ(ring.text(), std::string(10, 'a') + std::string(200, 'b'));
}

}  // namespace
}  // namespace pilotfish::daemon
