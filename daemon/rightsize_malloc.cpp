#include <algorithm>

#include "daemon/rightsize_row.h"

namespace pilotfish::daemon {
namespace {

// glibc makes up to 8 arenas a processor of the machine; each may hold freed memory.
Proposal glibc_arenas(const Situation& situation) {
    const core::Limits& limits = *situation.request().limits;
    const auto& processors = situation.processors();
    if (!processors && !limits.memory.limit_bytes && !situation.request().worker_memory_bytes)
        return {};
    if (situation.user_text_has("GLIBC_TUNABLES", {"glibc.malloc.arena_max"}))
        return {"", "GLIBC_TUNABLES has glibc.malloc.arena_max already, which rules it"};
    const int count = std::max(2, processors ? processors->count : limits.cpu.affinity);
    return {std::to_string(count),
            "one arena a processor, at least 2, instead of 8 a processor of the machine"};
}

constexpr std::string_view kJemalloc = "MALLOC_CONF";

// jemalloc's own rule, 4 arenas a processor, with the processors that are ours.
Proposal jemalloc_arenas(const Situation& situation) {
    const auto& processors = situation.processors();
    if (!processors) return {};
    if (situation.user_text_has(kJemalloc, {"narenas:", "percpu_arena:"}))
        return {"", "MALLOC_CONF has a number of arenas already, which rules it"};
    return {
        situation.before_users(kJemalloc, "narenas:" + std::to_string(4 * processors->count), ','),
        "4 arenas a processor, jemalloc's own rule, of " + processors->words};
}

constexpr RightsizeRow kRows[] = {
    {.variable = "MALLOC_ARENA_MAX",
     .reader = "glibc",
     .value = "processors, at least 2",
     .why = "8 arenas a processor of the machine by itself",
     .propose = glibc_arenas},
    {.variable = kJemalloc,
     .reader = "jemalloc",
     .program = "jemalloc",
     .offer = Offer::all,
     .is_list = true,
     .value = "narenas:4 times the processors",
     .why = "a jemalloc that does not know an option says so on stderr",
     .propose = jemalloc_arenas},
    {.variable = "GLIBC_TUNABLES",
     .reader = "glibc",
     .offer = Offer::never,
     .why = "MALLOC_ARENA_MAX does the same"},
};

}  // namespace

std::span<const RightsizeRow> malloc_rows() { return kRows; }

}  // namespace pilotfish::daemon
