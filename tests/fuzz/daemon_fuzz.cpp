// Fuzzes what a worker's bytes meet in daemon/: the framer must lose no byte, the formatter must
// give valid lines, the blocks of a ring hold the same bytes, and a ring
// takes no blocks that are none. The input's first two bytes choose the cap and how the rest is cut
// into reads.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/check.h"
#include "daemon/line_blocks.h"
#include "daemon/line_framer.h"
#include "daemon/line_ring.h"
#include "daemon/log_format.h"
#include "daemon/log_ring.h"

namespace {

using namespace pilotfish;

// Skips one JSON string up to its closing quote; aborts on what JSON or UTF-8 forbids.
std::size_t check_json_string(std::string_view text, std::size_t at) {
    while (true) {
        PF_CHECK(at < text.size(), "a JSON string has no end");
        const auto byte = static_cast<unsigned char>(text[at]);
        PF_CHECK(byte >= 0x20, "a bare control character in JSON");
        if (byte == '"') return at;
        if (byte == '\\') {
            PF_CHECK(at + 1 < text.size(), "an escape without its character");
            at += text[at + 1] == 'u' ? 6 : 2;
            continue;
        }
        std::size_t length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
        PF_CHECK(byte < 0x80 || (byte >= 0xC2 && byte <= 0xF4), "a byte that begins no UTF-8");
        for (++at; --length > 0; ++at) {
            PF_CHECK(at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80,
                     "a broken UTF-8 sequence");
        }
    }
}

void check_formats(const daemon::Line& line) {
    static const daemon::LineFormat prefix(daemon::LineStyle::prefix, "web", "stdout");
    static const daemon::LineFormat json(daemon::LineStyle::json, "web", "stdout");
    const daemon::WallTime time{};
    std::string out;
    prefix.append(out, line, prefix.head(time));
    PF_CHECK(out.find('\n') == out.size() - 1 && out.find('\0') == out.npos, "not one text line");
    out.clear();
    json.append(out, line, json.head(time));
    constexpr std::string_view kKey = "\"line\":\"";
    const std::size_t text = out.find(kKey) + kKey.size();
    PF_CHECK(out.substr(check_json_string(out, text)) == "\"}\n", "text escapes its JSON string");
    out.clear();
    daemon::append_own_line(out, daemon::OwnStyle::text, time, core::LogLevel::info, "daemon",
                            line.text);
    PF_CHECK(out.find('\n') == out.size() - 1 && out.find('\x1b') == out.npos, "a forged line");
}

void check_blocks(std::string_view input, std::size_t cap, std::size_t step) {
    daemon::LineBlocks blocks(cap);
    std::string joined;
    const auto drain = [&] {
        for (daemon::LineBlock block; blocks.next(block);) {
            const std::size_t ends = daemon::count_lines(block.bytes);
            PF_CHECK(block.lines == ends, "a block's lines are counted wrong");
            joined.append(block.bytes);
        }
    };
    for (std::size_t at = 0; at < input.size(); at += step) {
        blocks.feed(input.substr(at, step));
        drain();
    }
    blocks.end();
    drain();
    PF_CHECK(joined == input, "the blocks lost or made up bytes");
}

void check_restore(std::string_view input) {
    daemon::LogRing ring(daemon::LogRing::kLeastBytes, 0);
    if (!ring.restore({0, std::uint64_t{1} << 40, std::string(input)})) return;
    std::uint64_t cursor = 0;
    for (bool at_end = false; !at_end;) {
        const auto batch = ring.after(cursor, 512);
        cursor = batch.last;
        at_end = batch.at_end;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t cap = 4 + data[0] % 60;
    std::size_t step = 1 + data[1] % 32;
    const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);

    check_blocks(input, cap, step);
    check_restore(input);
    std::string expected;
    for (std::size_t i = 0; i < input.size(); ++i) {
        if (input[i] != '\r' || i + 1 == input.size() || input[i + 1] != '\n') expected += input[i];
    }
    if (!expected.empty() && expected.back() != '\n') expected += '\n';

    daemon::LineFramer framer(cap);
    std::string joined;
    bool went_on = false;
    const auto drain = [&] {
        for (daemon::Line line; framer.next(line);) {
            PF_CHECK(line.text.size() <= cap, "a piece over the cap");
            PF_CHECK(line.continues == went_on, "a piece without its mark");
            check_formats(line);
            went_on = line.goes_on;
            joined.append(line.text);
            if (!line.goes_on) joined += '\n';
        }
    };
    for (std::size_t at = 0; at < input.size(); at += step, step = 1 + (step * 7 + 3) % 32) {
        framer.feed(input.substr(at, step));
        drain();
    }
    framer.end();
    drain();
    PF_CHECK(joined == expected && framer.idle(), "the framer lost or made up bytes");
    return 0;
}
