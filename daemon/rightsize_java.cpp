#include <array>
#include <cmath>
#include <cstdio>

#include "daemon/rightsize_row.h"

namespace pilotfish::daemon {
namespace {

constexpr std::string_view kOptions = "JAVA_TOOL_OPTIONS";
constexpr std::array<std::string_view, 3> kUsersOptions{kOptions, "JDK_JAVA_OPTIONS",
                                                        "_JAVA_OPTIONS"};
constexpr double kHeapShare = 0.75;
// In less than this HotSpot takes half for the heap by itself: the rest of a JVM needs as much.
constexpr std::uint64_t kSmallBytes = 250u << 20;
constexpr double kSmallHeapShare = 0.5;

// MaxRAMPercentage, MinRAMPercentage and ActiveProcessorCount came with JDK 10 and 8u191. 0: named
// by the user, who vouches for it.
bool knows_flags(const Version& java) {
    return java.major == 0 || java.major >= 10 || (java.major == 8 && java.update >= 191);
}

bool sees_groups(const Version& java, int group_version) {
    return group_version == 1 || java.major == 0 || java.major >= 15 ||
           (java.major == 11 && java.update >= 16) || (java.major == 8 && java.update >= 372);
}

// From JDK 24 on a limit on an ancestor, too (JDK-8322420). On v1 that broke again (JDK-8370572):
// there it is not relied upon.
bool sees_ancestors(const Version& java, int group_version) {
    return group_version == 2 && java.major >= 24;
}

bool sees_processors(const Situation& situation) {
    const core::CpuLimit& cpu = situation.request().limits->cpu;
    const Version& java = situation.program().version;
    const Processors& processors = *situation.processors();
    return (processors.of_own_group && sees_groups(java, cpu.version)) ||
           (processors.of_container && sees_ancestors(java, cpu.version));
}

// What the JVM takes a percentage of; nullopt: not the limit that holds.
std::optional<std::uint64_t> seen_memory(const Situation& situation) {
    const core::MemoryLimit& memory = situation.request().limits->memory;
    const Version& java = situation.program().version;
    if (const auto own = situation.memory_of_own_group(); own && sees_groups(java, memory.version))
        return own;
    return sees_ancestors(java, memory.version) ? memory.limit_bytes : std::nullopt;
}

bool user_rules(const Situation& situation, std::initializer_list<std::string_view> parts) {
    for (const std::string_view name : kUsersOptions)
        if (situation.user_text_has(name, parts)) return true;
    return false;
}

// In less than this a JVM hardly starts; for 0% it does not ("Too small maximum heap").
constexpr std::uint64_t kLeastHeapBytes = 16u << 20;

// Parts of ten thousand of a percent, rounded down: of 64 GiB one is 67 KiB.
constexpr double kSteps = 10000;
double percent_of(double part, std::uint64_t whole) {
    return std::floor(100 * kSteps * part / static_cast<double>(whole)) / kSteps;
}

// Both, because below 250 MB HotSpot looks at MinRAMPercentage alone. With a point: before JDK 13 a
// flag of this type without one was refused.
std::string heap_flags(double percent) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.4f", percent);
    return std::string("-XX:MaxRAMPercentage=") + text.data() +
           " -XX:MinRAMPercentage=" + text.data();
}

void add(Proposal& proposal, const std::string& flags, const std::string& reason) {
    proposal.value += (proposal.value.empty() ? "" : " ") + flags;
    proposal.reason += (proposal.reason.empty() ? "" : "; ") + reason;
}

void propose_heap(const Situation& situation, Proposal& proposal, std::string& not_handed) {
    const auto part = situation.memory();
    if (!part) return;
    const auto seen = seen_memory(situation);
    if (!seen) {
        not_handed = "the JVM does not see " + part->words + ": -Xmx is yours to set";
        return;
    }
    if (user_rules(situation, {"-Xmx", "RAMPercentage", "RAMFraction", "MaxHeapSize"})) {
        not_handed = "a size of the heap is set already";
        return;
    }
    const bool small = part->bytes < kSmallBytes;
    const double heap = static_cast<double>(part->bytes) * (small ? kSmallHeapShare : kHeapShare);
    const double percent = percent_of(heap, *seen);
    const std::string words = (small ? "half of " : "75% of ") + part->words;
    if (percent / 100 * static_cast<double>(*seen) < static_cast<double>(kLeastHeapBytes)) {
        not_handed = words + " is less than the 16 MiB that a JVM needs";
        return;
    }
    add(proposal, heap_flags(percent), words);
}

Proposal options(const Situation& situation) {
    if (!knows_flags(situation.program().version))
        return {"", program_words(situation.program()) + " does not know the flags"};
    Proposal proposal;
    std::string not_handed;
    propose_heap(situation, proposal, not_handed);
    if (situation.processors() && !sees_processors(situation) &&
        !user_rules(situation, {"ActiveProcessorCount"}))
        add(proposal, "-XX:ActiveProcessorCount=" + std::to_string(situation.processors()->count),
            situation.processors()->words + ", which the JVM does not see by itself");
    if (proposal.value.empty()) return {"", not_handed};
    proposal.value = situation.before_users(kOptions, std::move(proposal.value), ' ');
    return proposal;
}

constexpr RightsizeRow kRows[] = {
    {.variable = kOptions,
     .reader = "JVM",
     .program = "java",
     .offer = Offer::all,
     .only = Language::java,
     .is_list = true,
     .value =
         "-XX:MaxRAMPercentage: 75% of the worker's memory; -XX:ActiveProcessorCount for a limit "
         "that it does not see",
     .why =
         "a quarter of the memory by itself; a JVM that does not know a flag does not start, and "
         "each one says on stderr that it picked them up",
     .propose = options},
    {.variable = "JDK_JAVA_OPTIONS",
     .reader = "the java launcher",
     .offer = Offer::never,
     .why = "JAVA_TOOL_OPTIONS reaches every JVM, and is outranked by the command line"},
    {.variable = "_JAVA_OPTIONS",
     .reader = "HotSpot",
     .offer = Offer::never,
     .why = "outranks the command line, so what the user wrote there"},
};

}  // namespace

std::span<const RightsizeRow> java_rows() { return kRows; }

}  // namespace pilotfish::daemon
