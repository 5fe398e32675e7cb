// Every recorded container below tests/testdata/cgroup, replayed: what each says stands beside it
// in its file "expected".
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "cgroup/derive.h"
#include "cgroup/file_source.h"
#include "cgroup/limits_reader.h"
#include "cgroup/processors.h"
#include "tests/support/test_support.h"

namespace pilotfish::cgroup {
namespace {

const std::string kSituations = PILOTFISH_SOURCE_DIR "/tests/testdata/cgroup";

std::vector<std::string> situations() {
    std::vector<std::string> names;
    std::error_code none;  // no fixtures: GoogleTest fails a suite without instances
    for (const auto& entry : std::filesystem::directory_iterator(kSituations, none))
        if (entry.is_directory()) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

const char* state_word(core::LimitState state) {
    switch (state) {
        case core::LimitState::limited: return "limited";
        case core::LimitState::unlimited: return "unlimited";
        case core::LimitState::unknown: return "unknown";
    }
    return "?";
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

// The five lines of "expected".
std::string described(const core::Limits& limits) {
    const core::DerivedLimits derived = derive(limits, {});
    std::ostringstream text;
    text << "cpu " << state_word(limits.cpu.state) << ' '
         << (limits.cpu.cpus ? cpus_text(*limits.cpu.cpus) : "-") << ' ' << limits.cpu.version
         << ' ' << or_dash(limits.cpu.source) << "\nmemory " << state_word(limits.memory.state)
         << ' ' << (limits.memory.limit_bytes ? std::to_string(*limits.memory.limit_bytes) : "-")
         << ' ' << limits.memory.version << ' ' << or_dash(limits.memory.source) << "\nmaxprocs "
         << derived.maxprocs << "\nsoft "
         << (derived.soft_limit_bytes ? std::to_string(*derived.soft_limit_bytes) : "-")
         << "\nwarnings " << limits.warnings.size() << '\n';
    return text.str();
}

class Situation : public testing::TestWithParam<std::string> {};

TEST_P(Situation, ReadsAsExpected) {
    const std::string directory = kSituations + "/" + GetParam();
    std::string expected = tests::read_file(directory + "/expected");
    const std::string own = "min(2,affinity)";  // no list of processors: this machine's count
    if (const std::size_t at = expected.find(own); at != std::string::npos)
        expected.replace(at, own.size(), std::to_string(std::min(2, affinity_of(0).value())));
    auto source = FileSource::replay(directory);
    ASSERT_TRUE(source.ok()) << source.error().message;
    const core::Limits limits = read_limits(*source);
    std::string warnings;
    for (const std::string& warning : limits.warnings) warnings += "\n  " + warning;
    EXPECT_EQ(described(limits), expected) << "warnings:" << warnings;
}

INSTANTIATE_TEST_SUITE_P(Replayed, Situation, testing::ValuesIn(situations()),
                         [](const testing::TestParamInfo<std::string>& situation) {
                             std::string name = situation.param;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

}  // namespace
}  // namespace pilotfish::cgroup
