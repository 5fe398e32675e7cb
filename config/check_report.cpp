#include "config/check_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/resolved_settings.h"
#include "config/text_page.h"

namespace pilotfish::config {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

// One line of a terminal: a command may hold line breaks.
std::string one_line(std::string_view text) {
    std::string line;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool control = byte < 0x20 || byte == 0x7f;
        line.push_back(control ? ' ' : c);
    }
    return line;
}

std::string shown_value(const ResolvedSetting& setting) {
    if (!setting.value.empty()) return one_line(setting.value);
    if (!setting.unset_words.empty()) return "(" + std::string(setting.unset_words) + ")";
    return "-";
}

std::string text_table(const Configuration& configuration, bool colour) {
    const std::vector<ResolvedSetting> settings = resolved_settings(configuration);
    // A long command must not push every source off the screen.
    constexpr std::size_t kWidestValue = 40;
    std::size_t name_columns = 0;
    std::size_t value_columns = 0;
    for (const ResolvedSetting& setting : settings) {
        name_columns = std::max(name_columns, setting.variable.size());
        value_columns =
            std::max(value_columns, std::min(kWidestValue, shown_value(setting).size()));
    }
    std::string text;
    std::string worker;
    for (const ResolvedSetting& setting : settings) {
        if (setting.worker != worker) text.push_back('\n');
        worker = setting.worker;
        const std::string value = shown_value(setting);
        // What the user set stands out among the defaults.
        const bool bold = colour && !setting.is_default;
        if (bold) text.append("\x1b[1m");
        text.append(setting.variable).append(name_columns - setting.variable.size() + 2, ' ');
        text.append(value);
        if (value.size() < value_columns) text.append(value_columns - value.size(), ' ');
        const bool same = setting.source == setting.variable;
        text.append("  ").append(same ? "environment" : setting.source);
        if (bold) text.append("\x1b[0m");
        text.push_back('\n');
    }
    return text;
}

CheckReport as_text(const core::Result<Configuration>& loaded, bool colour) {
    CheckReport report;
    if (!loaded) {
        report.errors = loaded.error().message + "\n";
        report.exit_code = kUsageExitCode;
        return report;
    }
    report.output = text_table(*loaded, colour);
    for (const std::string& warning : loaded->warnings) {
        report.errors.append("warning: ").append(warning).push_back('\n');
    }
    return report;
}

CheckReport as_json(const core::Result<Configuration>& loaded) {
    using Json = nlohmann::ordered_json;
    Json settings = Json::array();
    Json warnings = Json::array();
    Json errors = Json::array();
    if (loaded) {
        for (const ResolvedSetting& setting : resolved_settings(*loaded)) {
            settings.push_back({{"name", setting.variable},
                                {"worker", setting.worker.empty() ? Json() : Json(setting.worker)},
                                {"value", setting.value.empty() ? Json() : Json(setting.value)},
                                {"source", setting.source},
                                {"default", setting.is_default}});
        }
        warnings = loaded->warnings;
    } else {
        errors = lines_of(loaded.error().message);
    }
    const Json document{{"ok", loaded.ok()},
                        {"settings", std::move(settings)},
                        {"warnings", std::move(warnings)},
                        {"errors", std::move(errors)}};
    CheckReport report;
    // Values come from the environment and need not be UTF-8: such bytes become U+FFFD.
    report.output = document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
    report.exit_code = loaded.ok() ? 0 : kUsageExitCode;
    return report;
}

}  // namespace

CheckReport check_report(const core::Result<Configuration>& loaded, OutputForm form, bool colour) {
    return form == OutputForm::json ? as_json(loaded) : as_text(loaded, colour);
}

}  // namespace pilotfish::config
