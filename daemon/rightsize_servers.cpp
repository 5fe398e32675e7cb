#include <algorithm>

#include "daemon/rightsize_row.h"

namespace pilotfish::daemon {
namespace {

// What one process of a web application may need. Chosen, not measured: they differ widely.
constexpr std::uint64_t kWebProcessBytes = 256u << 20;

Proposal web_processes(const Situation& situation) {
    const auto& processors = situation.processors();
    if (!processors) return {};
    auto count = static_cast<std::uint64_t>(processors->count);
    std::string reason = processors->words;
    if (const auto part = situation.memory(); part && part->bytes / kWebProcessBytes < count) {
        count = part->bytes / kWebProcessBytes;
        reason = "one process in 256 MiB, of " + part->words;
    }
    // One is what servers run by themselves, and Puma makes a cluster of one of it.
    if (count < 2) return {};
    return {std::to_string(count), std::move(reason)};
}

constexpr RightsizeRow kRows[] = {
    {.variable = "WEB_CONCURRENCY",
     .reader = "gunicorn, uvicorn, Puma",
     .program = "web",
     .offer = Offer::all,
     .value = "processors, but one in 256 MiB of the worker's memory; none for fewer than 2",
     .why = "multiplies processes",
     .propose = web_processes},
    {.variable = "RAILS_MAX_THREADS",
     .reader = "Rails",
     .offer = Offer::never,
     .why = "sizes the pool of database connections too, which the application knows"},
    {.reader = "PHP, nginx, ninja",
     .offer = Offer::never,
     .why = "read no variable: php -d memory_limit, pm.max_children, worker_processes, -j"},
};

}  // namespace

std::span<const RightsizeRow> server_rows() { return kRows; }

}  // namespace pilotfish::daemon
