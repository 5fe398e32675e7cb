#include <array>

#include "config/command_text.h"
#include "config/setting_row_of.h"
#include "config/worker_settings.h"

namespace pilotfish::config {
namespace {

bool read_command(std::string_view text, std::string_view, WorkerSettings& worker,
                  std::string& why) {
    return parse_command(text, worker.command, why);
}

bool read_plugin_args(std::string_view text, std::string_view, WorkerSettings& worker,
                      std::string& why) {
    return parse_command(text, worker.plugin_args, why);
}

bool read_variable(std::string_view text, std::string_view suffix, WorkerSettings& worker,
                   std::string&) {
    worker.environment.emplace_back(suffix, text);
    return true;
}

std::string show_variables(const WorkerSettings& worker) {
    std::string names;
    for (const auto& [name, value] : worker.environment) {
        names.append(names.empty() ? "" : ",").append(name);
    }
    return names;
}

// Their values are often passwords.
std::vector<std::pair<std::string, std::string>> each_variable(const WorkerSettings& worker) {
    auto variables = worker.environment;
    for (auto& [name, value] : variables) {
        if (!value.empty()) value = "(set, not shown)";
    }
    return variables;
}

constexpr std::string_view kWhat = "What runs";

constexpr std::array kRows{
    SettingRow<WorkerSettings>{
        .name = "COMMAND",
        .type = "command",
        .accepted = R"(a JSON array such as ["nginx","-g","daemon off;"], or words with quotes)",
        .unit = {},
        .group = kWhat,
        .help = "the program and its arguments; no shell reads it",
        .default_words = "",
        .read = read_command,
        .show = [](const WorkerSettings& worker) { return format_command(worker.command); }},
    row<&WorkerSettings::plugin>(
        "PLUGIN", {kWhat, "instead of COMMAND: a shared object whose task the daemon hosts"}),
    SettingRow<WorkerSettings>{
        .name = "PLUGIN_ARGS",
        .type = "command",
        .accepted = R"(a JSON array such as ["--port","8080"], or words with quotes)",
        .unit = {},
        .group = kWhat,
        .help = "the plugin's arguments",
        .default_words = "",
        .read = read_plugin_args,
        .show = [](const WorkerSettings& worker) { return format_command(worker.plugin_args); }},
    row<&WorkerSettings::kind>(
        "KIND", {kWhat, "runs all the time, once to its end, or at the times of its SCHEDULE"}),
    row<&WorkerSettings::schedule>(
        "SCHEDULE",
        {kWhat, "when a cron worker runs; CRON_TZ=Europe/Berlin before it sets its zone"}),
    row<&WorkerSettings::instances>(
        "INSTANCES", {kWhat, "that many workers of these settings: web@1, web@2 and so on"}),
    row<&WorkerSettings::cwd>("CWD", {kWhat, "the directory it starts in", {}, "the daemon's own"}),
    row<&WorkerSettings::stdin_mode>(
        "STDIN", {kWhat, "the daemon's own standard input, or none", {}, "null; main: inherit"}),
    SettingRow<WorkerSettings>{.name = "ENV_",
                               .type = "text",
                               .accepted = "any text",
                               .unit = {},
                               .group = kWhat,
                               .help = "ENV_<VAR> gives it the variable VAR, verbatim",
                               .default_words = "",
                               .suffix = "VAR",
                               .read = read_variable,
                               .show = show_variables,
                               .allows_empty = true,
                               .each = each_variable},
};

}  // namespace

std::span<const SettingRow<WorkerSettings>> what_runs_settings() { return kRows; }

}  // namespace pilotfish::config
