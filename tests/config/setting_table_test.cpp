#include "config/setting_table.h"

#include <gtest/gtest.h>

#include <set>
#include <type_traits>

#include "config/field_text.h"

namespace pilotfish::config {
namespace {

template <class Rows>
void expect_whole(const Rows& rows) {
    std::set<std::string_view> names;
    for (const auto& row : rows) {
        SCOPED_TRACE(row.name);
        EXPECT_TRUE(names.insert(row.name).second) << "twice";
        EXPECT_EQ(row.name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_"),
                  std::string_view::npos);
        EXPECT_FALSE(row.type.empty());
        EXPECT_FALSE(row.accepted.empty());
        EXPECT_FALSE(row.group.empty());
        EXPECT_FALSE(row.help.empty());
        EXPECT_FALSE(row.help.ends_with('.'));
        // Two columns of help at 80: a line and a half is the most one reads there.
        EXPECT_LE(row.help.size(), 100u);
        EXPECT_NE(row.read, nullptr);
        EXPECT_NE(row.show, nullptr);
    }
}

TEST(SettingTable, EveryRowIsWholeAndItsNameUnique) {
    expect_whole(global_settings());
    expect_whole(worker_settings());
}

template <class Owner>
void expect_defaults_read_back(std::span<const SettingRow<Owner>> rows) {
    for (const auto& row : rows) {
        const std::string shown = row.show(Owner{});
        if (shown.empty()) continue;
        Owner owner{};
        std::string why;
        EXPECT_TRUE(row.read(shown, {}, owner, why)) << row.name << "=" << shown << ": " << why;
        EXPECT_EQ(row.show(owner), shown) << row.name;
    }
}

TEST(SettingTable, EveryDefaultIsAnAcceptedValue) {
    expect_defaults_read_back(global_settings());
    expect_defaults_read_back(worker_settings());
}

template <class Owner>
const SettingRow<Owner>& row_of(std::span<const SettingRow<Owner>> rows, std::string_view name) {
    std::size_t at = 0;
    while (at + 1 < rows.size() && rows[at].name != name) ++at;
    EXPECT_EQ(rows[at].name, name);
    return rows[at];
}

TEST(SettingTable, DefaultsAreTheInitialisersUnlessWordsSayMore) {
    EXPECT_EQ(default_text(row_of(global_settings(), "STOP_TIMEOUT")), "25s");
    EXPECT_EQ(default_text(row_of(global_settings(), "ADMIN_TOKEN")), "");
    EXPECT_EQ(default_text(row_of(global_settings(), "SIGNALS")),
              "forward as an entrypoint, own with run");
    EXPECT_EQ(default_text(row_of(worker_settings(), "RESTART_DELAY")), "100ms");
}

TEST(SettingTable, NoSettingOfTheDaemonLooksLikeOneOfAWorker) {
    for (const auto& row : global_settings())
        EXPECT_FALSE(row.name.starts_with("WORKER_")) << row.name;
}

template <class Owner>
void expect_refusal_keeps_value(std::span<const SettingRow<Owner>> rows) {
    for (const auto& row : rows) {
        if (row.is_prefix() || row.is_secret) continue;
        Owner owner{};
        const std::string before = row.show(owner);
        std::string why;
        EXPECT_FALSE(row.read("\x01'", {}, owner, why)) << row.name;
        EXPECT_EQ(row.show(owner), before) << row.name;
    }
}

TEST(SettingTable, ARefusedValueLeavesTheFieldAsItWas) {
    expect_refusal_keeps_value(global_settings());
    expect_refusal_keeps_value(worker_settings());
}

TEST(SettingTable, RangesAreKeptByTheRow) {
    Settings settings;
    std::string why;
    EXPECT_FALSE(row_of(global_settings(), "LIVEZ_STALL").read("0", {}, settings, why));
    EXPECT_EQ(why, "cannot be 0");
    const auto& interval = row_of(global_settings(), "LIMITS_INTERVAL");
    EXPECT_FALSE(interval.read("9ms", {}, settings, why));
    EXPECT_TRUE(interval.read("10ms", {}, settings, why));
    EXPECT_TRUE(interval.read("0", {}, settings, why));
}

TEST(WorkerVariablePrefix, IsUpperCaseWithUnderscores) {
    EXPECT_EQ(worker_variable_prefix("web-api2"), "PILOTFISH_WORKER_WEB_API2_");
}

}  // namespace
}  // namespace pilotfish::config
