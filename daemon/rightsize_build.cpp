#include "daemon/rightsize_row.h"

namespace pilotfish::daemon {
namespace {

constexpr std::string_view kMake = "MAKEFLAGS";

// -j4, --jobs=4 or a parent's jobserver; in the first word also as a letter among others: "kj4".
bool has_jobs(std::string_view text) {
    const std::string_view first = text.substr(0, text.find(' '));
    const bool letters = !first.starts_with('-') && first.find('=') == std::string_view::npos;
    return (letters && first.find('j') != std::string_view::npos) || text.starts_with("-j") ||
           text.find(" -j") != std::string_view::npos ||
           text.find("--job") != std::string_view::npos;
}

Proposal make_jobs(const Situation& situation) {
    const auto& processors = situation.processors();
    if (!processors) return {};
    const std::string_view text = situation.user_value(kMake).value_or("");
    if (situation.user_value("MAKELEVEL") || has_jobs(text))
        return {"", "a make above it, or MAKEFLAGS itself, rules the jobs already"};
    std::string value = "-j" + std::to_string(processors->count);
    // A first word of letters alone stands for options without their dash, and only there.
    if (!text.empty()) {
        const std::string_view first = text.substr(0, text.find(' '));
        const bool letters = !first.starts_with('-') && first.find('=') == std::string_view::npos;
        value.append(letters && !first.empty() ? " -" : " ").append(text);
    }
    return {std::move(value), processors->words};
}

constexpr RightsizeRow kRows[] = {
    {.variable = kMake,
     .reader = "GNU make",
     .program = "make",
     .offer = Offer::all,
     .only = Language::make,
     .is_list = true,
     .value = "-j processors",
     .why = "one job by itself; a makefile that was never built so may fail",
     .propose = make_jobs},
    {.variable = "CARGO_BUILD_JOBS",
     .reader = "cargo",
     .program = "cargo",
     .offer = Offer::all,
     .value = "processors",
     .why = "a number of processes; follows some quotas by itself, rounded down",
     .propose = processor_count},
    {.variable = "CMAKE_BUILD_PARALLEL_LEVEL",
     .reader = "CMake",
     .program = "cmake",
     .offer = Offer::all,
     .value = "processors",
     .why = "a number of processes; ninja has no variable of its own",
     .propose = processor_count},
};

}  // namespace

std::span<const RightsizeRow> build_rows() { return kRows; }

}  // namespace pilotfish::daemon
