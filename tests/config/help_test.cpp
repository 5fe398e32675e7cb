#include "config/help.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/setting_table.h"
#include "config/text_page.h"
#include "tests/support/test_support.h"

namespace pilotfish::config {
namespace {

constexpr std::string_view kBegin = "<!-- settings -->\n";
constexpr std::string_view kEnd = "<!-- /settings -->";

std::string help(const std::string& topic, bool colour = false) {
    Invocation invocation;
    invocation.topic = topic;
    const core::Result<std::string> text = help_text(invocation, colour);
    EXPECT_TRUE(text.ok()) << text.error().message;
    return text.ok() ? *text : "";
}

std::string fault(const std::string& topic) {
    Invocation invocation;
    invocation.topic = topic;
    const core::Result<std::string> text = help_text(invocation, false);
    EXPECT_FALSE(text.ok());
    return text.ok() ? "" : text.error().message;
}

std::vector<std::string> all_topics() {
    std::vector<std::string> topics{"", "settings", "workers", "signals", "exit-codes"};
    for (const CommandRow& command : commands()) topics.emplace_back(command.name);
    for (const auto& row : global_settings()) topics.emplace_back(row.name);
    for (const auto& row : worker_settings()) topics.emplace_back(row.name);
    return topics;
}

TEST(Help, FitsEightyColumnsWithoutBlanksAtTheEnd) {
    for (const std::string& topic : all_topics()) {
        const std::string text = help(topic);
        ASSERT_TRUE(text.ends_with('\n')) << topic;
        for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos;
             at = end + 1) {
            const std::string line = text.substr(at, end - at);
            EXPECT_LE(line.size(), TextPage::kColumns) << topic << ": " << line;
            EXPECT_FALSE(line.ends_with(' ')) << topic << ": " << line;
        }
    }
}

TEST(Help, ColoursOnlyWhenAsked) {
    for (const std::string& topic : all_topics()) {
        EXPECT_EQ(help(topic).find('\x1b'), std::string::npos) << topic;
    }
    EXPECT_NE(help("", true).find('\x1b'), std::string::npos);
}

TEST(Help, TheOverviewNamesEveryCommandAndTopic) {
    const std::string text = help("");
    for (const CommandRow& command : commands()) {
        EXPECT_NE(text.find("pilotfish " + std::string(command.name)), std::string::npos)
            << command.name;
    }
    for (const char* topic : {"settings", "workers", "signals", "exit-codes"}) {
        EXPECT_NE(text.find(topic), std::string::npos) << topic;
    }
}

TEST(Help, ListsEverySettingOnItsPage) {
    const std::string settings = help("settings");
    for (const auto& row : global_settings()) {
        EXPECT_NE(settings.find("\n  " + std::string(row.name) + " "), std::string::npos)
            << row.name;
    }
    const std::string workers = help("workers");
    for (const auto& row : worker_settings()) {
        EXPECT_NE(workers.find("\n  " + std::string(row.name)), std::string::npos) << row.name;
    }
}

TEST(Help, DescribesOneSettingByAnyOfItsNames) {
    const std::string text = help("MAXPROCS");
    EXPECT_NE(text.find("PILOTFISH_MAXPROCS\n"), std::string::npos);
    EXPECT_NE(text.find("a whole number from 1 to 4096, or auto"), std::string::npos);
    EXPECT_EQ(help("maxprocs"), text);
    EXPECT_EQ(help("PILOTFISH_MAXPROCS"), text);
    EXPECT_EQ(help("PILOTFISH_WORKER_WEB_API_RESTART_DELAY"), help("restart_delay"));
    EXPECT_EQ(help("PILOTFISH_WORKER_WEB_ENV_PATH"), help("ENV_PATH"));
}

TEST(Help, DescribesBothWhereTheDaemonAndAWorkerHaveTheName) {
    const std::string text = help("STOP_TIMEOUT");
    EXPECT_NE(text.find("PILOTFISH_STOP_TIMEOUT\n"), std::string::npos);
    EXPECT_NE(text.find("PILOTFISH_WORKER_<WORKER>_STOP_TIMEOUT\n"), std::string::npos);
    EXPECT_EQ(help("PILOTFISH_STOP_TIMEOUT").find("PILOTFISH_WORKER_"), std::string::npos);
}

TEST(Help, AnUnknownTopicGetsTheNearest) {
    EXPECT_EQ(fault("setings"),
              "cannot help with \"setings\": no such topic or setting; did you mean pilotfish help "
              "settings?");
    EXPECT_NE(fault("PILOTFISH_MAXPROC").find("pilotfish help MAXPROCS?"), std::string::npos);
    EXPECT_NE(fault("zzzzzzzzz").find("there are settings, workers, signals, exit-codes"),
              std::string::npos);
}

TEST(Help, MarkdownIsForTheTablesOnly) {
    Invocation invocation;
    invocation.form = OutputForm::markdown;
    invocation.topic = "signals";
    EXPECT_FALSE(help_text(invocation, false).ok());
    invocation.topic = "workers";
    const core::Result<std::string> workers = help_text(invocation, false);
    ASSERT_TRUE(workers.ok());
    EXPECT_NE(settings_markdown().find(*workers), std::string::npos);
}

TEST(Help, MarkdownTablesHaveFiveCellsARow) {
    const std::string text = settings_markdown();
    for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos;
         at = end + 1) {
        const std::string line = text.substr(at, end - at);
        if (!line.starts_with('|')) continue;
        int bars = 0;
        for (std::size_t i = 0; i < line.size(); ++i)
            bars += line[i] == '|' && (i == 0 || line[i - 1] != '\\');
        EXPECT_EQ(bars, 6) << line;
    }
}

// Compares the text between the markers with the table; with PILOTFISH_UPDATE_DOCS=1 writes it
// there.
void expect_reference(const std::string& file) {
    const std::string path = PILOTFISH_SOURCE_DIR "/" + file;
    const std::string text = tests::read_file(path);
    const std::size_t begin = text.find(kBegin);
    const std::size_t end = text.find(kEnd);
    ASSERT_TRUE(begin != std::string::npos && end != std::string::npos && begin < end)
        << file
        << " has no settings reference: add the lines <!-- settings --> and <!-- /settings -->";
    const std::size_t first = begin + kBegin.size();
    const std::string wanted = "\n" + settings_markdown() + "\n";
    if (text.substr(first, end - first) == wanted) return;
    if (std::getenv("PILOTFISH_UPDATE_DOCS") != nullptr) {
        std::ofstream out(path, std::ios::binary);
        out << text.substr(0, first) << wanted << text.substr(end);
        return;
    }
    ADD_FAILURE() << file << " is behind the table of settings: put the output of\n"
                  << "    build/dev/pilotfish help settings --markdown\n"
                  << "between its markers, or let this do it:\n"
                  << "    PILOTFISH_UPDATE_DOCS=1 build/dev/tests/config_tests "
                     "--gtest_filter='SettingsReference.*'";
}

TEST(SettingsReference, OfTheFolderIsTheTable) { expect_reference("config/README.md"); }

TEST(SettingsReference, OfTheReadmeIsTheTable) {
    if (!std::filesystem::exists(PILOTFISH_SOURCE_DIR "/README.md"))
        GTEST_SKIP() << "no README.md yet";
    expect_reference("README.md");
}

}  // namespace
}  // namespace pilotfish::config
