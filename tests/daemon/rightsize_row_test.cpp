#include "daemon/rightsize_row.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>

#include "config/rightsize_programs.h"
#include "tests/support/test_support.h"

namespace pilotfish::daemon {
namespace {

const std::string kReference = PILOTFISH_SOURCE_DIR "/daemon/rightsize.md";
constexpr std::string_view kBegin = "<!-- table -->\n";
constexpr std::string_view kEnd = "<!-- /table -->\n";

std::vector<RightsizeRow> all_rows() {
    std::vector<RightsizeRow> rows;
    for (const auto& some : rightsize_table()) rows.insert(rows.end(), some.begin(), some.end());
    return rows;
}

std::string offered(const RightsizeRow& row) {
    const std::string named = "`" + std::string(row.program) + "`";
    if (row.offer == Offer::safe) return "safe";
    if (row.offer == Offer::never) return "never";
    if (row.offer == Offer::named) return "by name: " + named;
    return (row.only == Language::unknown ? "all, or " : "all, when recognised, or ") + named;
}

std::string table() {
    std::string text =
        "\n| variable | read by | handed | value | why so |\n|---|---|---|---|---|\n";
    for (const RightsizeRow& row : all_rows()) {
        const std::string variable(row.variable);
        text += "| " + (variable.empty() ? "" : "`" + variable + "`") + " | " +
                std::string(row.reader) + " | " + offered(row) + " | " + std::string(row.value) +
                " | " + std::string(row.why) + " |\n";
    }
    return text + "\n";
}

TEST(RightsizeReference, HasTheTableAsTheCodeHasIt) {
    const std::string text = tests::read_file(kReference);
    const std::size_t begin = text.find(kBegin);
    const std::size_t end = text.find(kEnd);
    ASSERT_NE(begin, std::string::npos);
    ASSERT_NE(end, std::string::npos);
    const std::size_t from = begin + kBegin.size();
    if (std::getenv("PILOTFISH_UPDATE_DOCS") != nullptr) {
        std::ofstream(kReference) << text.substr(0, from) << table() << text.substr(end);
        return;
    }
    EXPECT_EQ(text.substr(from, end - from), table())
        << "bring it up to date: PILOTFISH_UPDATE_DOCS=1 build/dev/tests/daemon_tests "
           "--gtest_filter='RightsizeReference.*'";
}

TEST(RightsizeTable, IsWhole) {
    std::set<std::string_view> variables;
    for (const RightsizeRow& row : all_rows()) {
        EXPECT_FALSE(row.reader.empty() || row.why.empty()) << row.variable;
        EXPECT_EQ(row.propose == nullptr, row.offer == Offer::never) << row.variable;
        if (row.variable.empty()) continue;
        EXPECT_TRUE(variables.insert(row.variable).second) << row.variable << " stands there twice";
        const bool has_name = row.offer == Offer::all || row.offer == Offer::named;
        EXPECT_EQ(!row.program.empty(), has_name) << row.variable;
    }
}

TEST(RightsizeTable, HasTheProgramsThatASettingMayName) {
    const std::vector<std::string_view> known(config::kRightsizePrograms.begin(),
                                              config::kRightsizePrograms.end());
    std::vector<std::string_view> named = rightsize_programs();
    for (const std::string_view name : named)
        EXPECT_NE(std::find(known.begin(), known.end(), name), known.end()) << name;
    EXPECT_EQ(named.size(), known.size());
}

}  // namespace
}  // namespace pilotfish::daemon
