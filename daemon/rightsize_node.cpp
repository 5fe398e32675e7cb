#include "daemon/rightsize_row.h"

namespace pilotfish::daemon {
namespace {

constexpr std::string_view kOptions = "NODE_OPTIONS";
constexpr std::uint64_t kMiB = 1u << 20;
// Heap, of what the worker may use; the rest is for Buffers, code and threads (nodejs/node#64646).
constexpr double kHeapShare = 0.75;
// Chosen, not measured: with less a program of any size would collect without end.
constexpr std::uint64_t kLeastOldSpaceMiB = 64;

// --max-old-space-size does not count the young generation, which V8 sizes by the memory that it
// sees: in proportion up to 4 GiB, and the same beyond. Measured as heap_size_limit less the flag,
// in MiB at 4 GiB: 48 in Node.js 20 and 22, 192 in 24, 96 in 26; of a version that is not known the
// most is taken, and where V8 takes the machine's memory for its own, the whole.
std::uint64_t young_generation_mib(int major, std::optional<std::uint64_t> seen_bytes) {
    const bool is_most = major == 0 || (major > 22 && major < 26);
    const std::uint64_t most = is_most ? 192 : major <= 22 ? 48 : 96;
    constexpr std::uint64_t kMostBytes = std::uint64_t{4} << 30;
    if (!seen_bytes || *seen_bytes >= kMostBytes) return most;
    return (most * (*seen_bytes / kMiB) + kMostBytes / kMiB - 1) / (kMostBytes / kMiB);
}

Proposal old_space(const Situation& situation) {
    const auto part = situation.memory();
    if (!part) return {};
    if (situation.user_text_has(kOptions, {"max-old-space-size", "max_old_space_size",
                                           "max-heap-size", "max_heap_size"}))
        return {"", "NODE_OPTIONS has a size of the heap already, which rules it"};
    const std::uint64_t heap = cgroup::share_of(part->bytes, kHeapShare) / kMiB;
    const std::uint64_t young =
        young_generation_mib(situation.program().version.major, situation.memory_of_own_group());
    const std::string less = ", less " + std::to_string(young) + " MiB for V8's young generation";
    const std::string words = "75% of " + part->words + less;
    if (heap < young + kLeastOldSpaceMiB) return {"", "too little is left of " + words};
    return {situation.before_users(kOptions, "--max-old-space-size=" + std::to_string(heap - young),
                                   ' '),
            words};
}

constexpr RightsizeRow kRows[] = {
    {.variable = kOptions,
     .reader = "Node.js",
     .program = "node",
     .offer = Offer::all,
     .only = Language::node,
     .is_list = true,
     .value = "--max-old-space-size: 75% of the worker's memory, less the young generation",
     .why =
         "the heap may grow over a small container's limit, and stays far below a large one's; a "
         "Node.js that does not know a flag does not start",
     .propose = old_space},
};

}  // namespace

std::span<const RightsizeRow> node_rows() { return kRows; }

}  // namespace pilotfish::daemon
