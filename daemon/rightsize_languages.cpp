#include <array>
#include <cstdio>

#include "daemon/rightsize_row.h"

namespace pilotfish::daemon {
namespace {

constexpr std::uint64_t kMiB = 1u << 20;
constexpr std::string_view kErlang = "ERL_AFLAGS";

std::string mib(std::uint64_t bytes) { return std::to_string(bytes / kMiB); }

// No +SDcpu: without it the dirty schedulers follow +S, whoever says that last; with it a smaller
// +S of the user's would be refused.
Proposal erlang_schedulers(const Situation& situation) {
    const auto& processors = situation.processors();
    if (!processors) return {};
    for (const std::string_view name :
         {kErlang, std::string_view("ERL_FLAGS"), std::string_view("ERL_ZFLAGS")})
        if (situation.user_text_has(name, {"+S"}))
            return {"", std::string(name) + " has a number of schedulers already, which rules it"};
    const std::string count = std::to_string(processors->count);
    return {situation.before_users(kErlang, "+S " + count + ":" + count, ' '), processors->words};
}

// Never less than the 2 that `parallel` takes by itself.
Proposal r_processes(const Situation& situation) {
    const auto& processors = situation.processors();
    if (!processors || processors->count <= 2) return {};
    return {std::to_string(processors->count), processors->words};
}

Proposal r_vectors(const Situation& situation) {
    const auto part = situation.memory();
    if (!part) return {};
    return {mib(cgroup::share_of(part->bytes, 0.8)) + "M", "80% of " + part->words};
}

Proposal ghc(const Situation& situation) {
    if (situation.user_value("GHCRTS")) return {"", "set already: it stays"};
    const auto& processors = situation.processors();
    const auto part = situation.memory();
    Proposal proposal;
    if (processors) proposal = {"-N" + std::to_string(processors->count), processors->words};
    if (!part) return proposal;
    proposal.value += (processors ? " -M" : "-M") + mib(cgroup::share_of(part->bytes, 0.8)) + "m";
    proposal.reason += (processors ? "; 80% of " : "80% of ") + part->words;
    return proposal;
}

Proposal dotnet_processors(const Situation& situation) {
    Proposal proposal = processor_count(situation);
    if (proposal.value.empty() || !situation.processors()->of_own_group) return proposal;
    return {"", ".NET sees the limit of its own group by itself"};
}

// Hexadecimal, as .NET reads its limits of memory.
Proposal dotnet_heap(const Situation& situation) {
    const RightsizeRequest& request = situation.request();
    const auto part = situation.memory();
    if (!part) return {};
    if (request.memory_workers <= 1 &&
        (!request.worker_memory_bytes || request.own_group.memory_cap_in_force))
        return {"", ".NET takes 75% of its container by itself"};
    std::array<char, 24> text{};
    std::snprintf(text.data(), text.size(), "0x%llX",
                  static_cast<unsigned long long>(cgroup::share_of(part->bytes, 0.75)));
    return {text.data(), "75% of " + part->words};
}

constexpr std::string_view kNotVerified =
    "not verified, since Debian 12 does not have it: only where the user says so";

constexpr RightsizeRow kRows[] = {
    {.variable = kErlang,
     .reader = "Erlang",
     .program = "erlang",
     .offer = Offer::all,
     .only = Language::erlang,
     .is_list = true,
     .value = "+S processors:processors",
     .why =
         "a release looks in some groups and rounds down, Erlang 25 on v1 finds none; an emulator "
         "does not start with a flag it does not know",
     .propose = erlang_schedulers},
    {.variable = "MC_CORES",
     .reader = "R, package parallel",
     .program = "r",
     .offer = Offer::all,
     .value = "processors, where they are more than 2",
     .why = "a number of processes, 2 by itself",
     .propose = r_processes},
    {.variable = "R_MAX_VSIZE",
     .reader = "R",
     .program = "r",
     .offer = Offer::all,
     .value = "80% of the worker's memory",
     .why = "a vector too large then ends in an error of R, which changes what a program sees",
     .propose = r_vectors},
    {.variable = "R_DATATABLE_NUM_THREADS",
     .reader = "R, package data.table",
     .offer = Offer::never,
     .why = "follows OMP_NUM_THREADS"},
    {.variable = "GHCRTS",
     .reader = "GHC's runtime",
     .program = "ghc",
     .offer = Offer::named,
     .value = "-N processors, -M 80% of the worker's memory",
     .why =
         "a program built without -threaded or -rtsopts does not start with it, and none shows how "
         "it was built",
     .propose = ghc},
    {.variable = "OCAMLRUNPARAM",
     .reader = "OCaml 5",
     .offer = Offer::never,
     .why =
         "its d caps domains, so that a program that makes more of them fails, and the number that "
         "is recommended to it stays what it was"},
    {.variable = "JULIA_NUM_THREADS",
     .reader = "Julia",
     .program = "julia",
     .offer = Offer::named,
     .value = "processors",
     .why = kNotVerified,
     .propose = processor_count},
    {.variable = "DOTNET_PROCESSOR_COUNT",
     .reader = ".NET",
     .program = "dotnet",
     .offer = Offer::named,
     .value = "processors, for a limit that is not in its own group",
     .why = kNotVerified,
     .propose = dotnet_processors,
     .unless = {"COMPlus_PROCESSOR_COUNT"}},
    {.variable = "DOTNET_GCHeapHardLimit",
     .reader = ".NET",
     .program = "dotnet",
     .offer = Offer::named,
     .value = "75% of the worker's memory, in hexadecimal, where that is not the container's",
     .why = kNotVerified,
     .propose = dotnet_heap,
     .unless = {"DOTNET_GCHeapHardLimitPercent", "COMPlus_GCHeapHardLimit",
                "COMPlus_GCHeapHardLimitPercent"}},
    {.variable = "RUBY_MAX_CPU",
     .reader = "Ruby",
     .offer = Offer::never,
     .why = "counts for threads of a kind that is off unless asked for, and is 8 on every machine"},
};

}  // namespace

std::span<const RightsizeRow> language_rows() { return kRows; }

}  // namespace pilotfish::daemon
