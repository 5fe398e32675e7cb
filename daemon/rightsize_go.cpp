#include "daemon/rightsize_row.h"

namespace pilotfish::daemon {
namespace {

// Go >= 1.25 follows its own group's quota, live; a number here would freeze it. It does not see a
// limit on an ancestor (golang/go#81180). Whoever switched that off by GODEBUG has decided.
Proposal processors(const Situation& situation) {
    Proposal proposal = processor_count(situation);
    const auto& go = situation.program().go;
    if (proposal.value.empty() || !go || !go->follows_cpu_limit()) return proposal;
    if (situation.user_text_has("GODEBUG", {"containermaxprocs="}))
        return {"", "GODEBUG has containermaxprocs already, which rules it"};
    if (situation.processors()->of_own_group)
        return {"", program_words(situation.program()) + " follows the limit by itself, live"};
    proposal.reason += ", which Go does not see by itself";
    return proposal;
}

Proposal memory(const Situation& situation) {
    auto part = situation.soft_memory();
    if (!part) return {};
    return {std::to_string(part->bytes), std::move(part->words)};
}

constexpr RightsizeRow kRows[] = {
    {.variable = "GOMAXPROCS",
     .reader = "Go",
     .value = "processors",
     .why = "Go before 1.25 counts the machine's; from 1.25 on only for a limit that is not in its "
            "own group, or where its module switched that off",
     .propose = processors},
    {.variable = "GOMEMLIMIT",
     .reader = "Go",
     .value = "90% of the worker's memory, in bytes",
     .why = "no Go looks for it (1.19 and later read it)",
     .propose = memory},
};

}  // namespace

std::span<const RightsizeRow> go_rows() { return kRows; }

}  // namespace pilotfish::daemon
