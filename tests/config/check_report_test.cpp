#include "config/check_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "config/setting_table.h"
#include "tests/config/environment.h"

namespace pilotfish::config {
namespace {

using Json = nlohmann::json;

CheckReport report_of(std::initializer_list<std::string> entries, OutputForm form,
                      bool colour = false) {
    const Environment environment(entries);
    return check_report(load(environment.get(), as_check()), form, colour);
}

const Json* setting_of(const Json& document, const std::string& name) {
    for (const Json& setting : document.at("settings")) {
        if (setting.at("name") == name) return &setting;
    }
    return nullptr;
}

TEST(CheckReport, TextIsOneAlignedLineASetting) {
    const CheckReport report = report_of({"PILOTFISH_MAXPROCS=2"}, OutputForm::text);
    EXPECT_EQ(report.exit_code, 0);
    EXPECT_EQ(report.errors, "");
    std::size_t value_column = std::string::npos;
    std::size_t lines = 0;
    for (std::size_t at = 0, end = 0; (end = report.output.find('\n', at)) != std::string::npos;
         at = end + 1) {
        const std::string line = report.output.substr(at, end - at);
        const std::size_t column = line.find_first_not_of(' ', line.find(' '));
        if (lines++ == 0) value_column = column;
        EXPECT_EQ(column, value_column) << line;
        EXPECT_EQ(line.ends_with("  environment"), line.starts_with("PILOTFISH_MAXPROCS ")) << line;
    }
    EXPECT_EQ(lines, global_settings().size());
}

TEST(CheckReport, TextSaysWhatAnUnsetValueMeans) {
    const CheckReport report = report_of({}, OutputForm::text);
    EXPECT_NE(report.output.find("(forward as an entrypoint, own with run)"), std::string::npos);
}

TEST(CheckReport, TextKeepsACommandOnItsLine) {
    const CheckReport report = report_of(
        {"PILOTFISH_WORKERS=a", "PILOTFISH_WORKER_A_COMMAND=[\"a\\nb\"]"}, OutputForm::text);
    EXPECT_NE(report.output.find("'a b'"), std::string::npos) << report.output;
}

TEST(CheckReport, ColourMarksWhatTheUserSet) {
    const CheckReport report = report_of({"PILOTFISH_MAXPROCS=2"}, OutputForm::text, true);
    EXPECT_NE(report.output.find("\x1b[1mPILOTFISH_MAXPROCS "), std::string::npos);
    EXPECT_EQ(report.output.find("\x1b[1mPILOTFISH_STRICT "), std::string::npos);
}

TEST(CheckReport, FaultsAreTheErrorsAndEndWithTwo) {
    const CheckReport report =
        report_of({"PILOTFISH_MAXPROCS=x", "PILOTFISH_LOG_LEVEL=x"}, OutputForm::text);
    EXPECT_EQ(report.exit_code, 2);
    EXPECT_EQ(report.output, "");
    EXPECT_EQ(std::count(report.errors.begin(), report.errors.end(), '\n'), 2);
}

TEST(CheckReport, WarnsWhenStopTimeoutsDoNotFit) {
    const CheckReport report = report_of({"PILOTFISH_WORKERS=a", "PILOTFISH_WORKER_A_COMMAND=x",
                                          "PILOTFISH_WORKER_A_STOP_TIMEOUT=1m"},
                                         OutputForm::text);
    EXPECT_EQ(report.exit_code, 0);
    EXPECT_TRUE(
        report.errors.starts_with("warning: the shutdown ends after PILOTFISH_STOP_TIMEOUT (25s)"));
}

TEST(CheckReport, JsonHasEverySettingWithItsSource) {
    const CheckReport report =
        report_of({"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_COMMAND=x y",
                   "PILOTFISH_ADMIN_TOKEN=hunter2", "PILOTFISH_STOP_TIMEOUT=5s"},
                  OutputForm::json);
    EXPECT_EQ(report.exit_code, 0);
    EXPECT_EQ(report.output.find("hunter2"), std::string::npos);
    const Json document = Json::parse(report.output);
    EXPECT_EQ(document.at("ok"), true);
    EXPECT_TRUE(document.at("errors").empty());
    EXPECT_EQ(document.at("warnings").size(), 1u);
    const Json* command = setting_of(document, "PILOTFISH_WORKER_WEB_COMMAND");
    ASSERT_NE(command, nullptr);
    EXPECT_EQ(*command,
              Json::parse(R"({"name":"PILOTFISH_WORKER_WEB_COMMAND","worker":"web","value":"x y",
                                        "source":"PILOTFISH_WORKER_WEB_COMMAND","default":false})"));
    const Json* maxprocs = setting_of(document, "PILOTFISH_MAXPROCS");
    ASSERT_NE(maxprocs, nullptr);
    EXPECT_EQ(*maxprocs, Json::parse(R"({"name":"PILOTFISH_MAXPROCS","worker":null,"value":"auto",
                                         "source":"default","default":true})"));
    EXPECT_TRUE(setting_of(document, "PILOTFISH_READ_TOKEN")->at("value").is_null());
}

TEST(CheckReport, JsonListsTheFaults) {
    const CheckReport report =
        report_of({"PILOTFISH_MAXPROCS=x", "PILOTFISH_LOG_LEVEL=x"}, OutputForm::json);
    EXPECT_EQ(report.exit_code, 2);
    const Json document = Json::parse(report.output);
    EXPECT_EQ(document.at("ok"), false);
    EXPECT_EQ(document.at("errors").size(), 2u);
    EXPECT_TRUE(document.at("settings").empty());
}

TEST(CheckReport, JsonSurvivesBytesThatAreNotUtf8) {
    const CheckReport report =
        report_of({"PILOTFISH_MAXPROCS=\xff", "PILOTFISH_\xfe=1"}, OutputForm::json);
    EXPECT_EQ(report.exit_code, 2);
    EXPECT_TRUE(Json::accept(report.output));
}

}  // namespace
}  // namespace pilotfish::config
