#include "config/help.h"

#include <array>

#include "config/in_quotes.h"
#include "config/nearest_name.h"
#include "config/setting_table.h"
#include "config/text_page.h"
#include "config/unknown_name.h"

namespace pilotfish::config {
namespace {

constexpr std::size_t kNameColumns = 18;

std::string upper(std::string_view text) {
    std::string result;
    for (const char c : text) {
        const bool small = c >= 'a' && c <= 'z';
        result.push_back(small ? static_cast<char>(c - 'a' + 'A') : c);
    }
    return result;
}

template <class Owner>
std::string shown_name(const SettingRow<Owner>& row) {
    return std::string(row.name) +
           (row.is_prefix() ? "<" + std::string(row.suffix) + ">" : std::string());
}

std::string overview(bool colour) {
    TextPage page(colour);
    page.paragraph(
        "pilotfish supervises the processes of a container: right-sized, reaped, restarted, "
        "observable.");
    page.heading("Usage");
    page.entry("pilotfish -- COMMAND [ARG...]", "", kNameColumns);
    page.entry("", "supervises COMMAND as the worker main and ends with its status", 2);
    for (const CommandRow& command : commands()) {
        std::string line = "pilotfish " + std::string(command.name);
        if (!command.synopsis.empty()) line.append(" ").append(command.synopsis);
        page.entry(line, "", kNameColumns);
        page.entry("", command.help, 2);
    }
    page.heading("In an image");
    page.verbatim(R"(ENTRYPOINT ["pilotfish", "--"])");
    page.verbatim(R"(CMD ["nginx", "-g", "daemon off;"])");
    page.paragraph(
        "It is set up by environment variables: see pilotfish help settings and pilotfish help "
        "workers; pilotfish check prints what they come to.");
    return page.take();
}

template <class Rows>
void list_settings(TextPage& page, const Rows& rows) {
    std::string_view group;
    for (const auto& row : rows) {
        if (row.group != group) page.heading(row.group);
        group = row.group;
        std::string text(row.help);
        if (const std::string value = default_text(row); !value.empty()) {
            text.append(" [").append(value).append("]");
        }
        page.entry(shown_name(row), text, kNameColumns);
    }
}

std::string settings_page(bool colour) {
    TextPage page(colour);
    page.paragraph(
        "Settings of the daemon, each the environment variable PILOTFISH_<NAME>; the default "
        "stands in brackets. Durations need a unit (250ms, 10s, 5m), sizes are bytes or have one "
        "(64k, 512Mi, 1G), booleans are true, false, 1 or 0, lists have commas.");
    list_settings(page, global_settings());
    page.paragraph(
        "Of one setting alone: pilotfish help NAME. Of workers: pilotfish help workers.");
    return page.take();
}

std::string workers_page(bool colour) {
    TextPage page(colour);
    page.paragraph(
        "Settings of one worker, each the environment variable PILOTFISH_WORKER_<WORKER>_<NAME>: "
        "RESTART of the worker web-api is PILOTFISH_WORKER_WEB_API_RESTART. The worker main is "
        "what follows -- on the command line; PILOTFISH_WORKERS declares the others.");
    list_settings(page, worker_settings());
    page.heading("Example");
    page.verbatim("PILOTFISH_WORKERS=web,log-shipper");
    page.verbatim("PILOTFISH_WORKER_WEB_COMMAND=\"nginx -g 'daemon off;'\"");
    page.verbatim("PILOTFISH_WORKER_WEB_AFTER=log-shipper");
    page.verbatim("PILOTFISH_WORKER_LOG_SHIPPER_COMMAND='[\"vector\",\"--quiet\"]'");
    return page.take();
}

struct Entry {
    std::string_view name;
    std::string_view text;
};

std::string signals_page(bool colour) {
    constexpr std::array<Entry, 6> kOwn{
        {{"TERM, INT", "stop all workers in order, then end"},
         {"QUIT", "dump all tasks, then stop with 131"},
         {"USR1", "dump all tasks and go on"},
         {"USR2", "execute the binary anew; children, pipes and sockets stay"},
         {"HUP", "is logged: the settings are the environment, which cannot change"},
         {"CHLD", "is ours in both modes"}}};
    TextPage page(colour);
    page.paragraph(
        "As an entrypoint (pilotfish -- COMMAND) every signal that can be caught goes to main, but "
        "CHLD: images use QUIT, HUP, USR1 and USR2 for their own ends. Stops typed at a terminal "
        "follow the terminal's rules.");
    page.paragraph("Under pilotfish run the signals are the daemon's own:");
    for (const Entry& entry : kOwn) page.entry(entry.name, entry.text, kNameColumns);
    page.paragraph(
        "PILOTFISH_SIGNALS=forward or own chooses by hand. A worker is stopped by its STOP_SIGNAL, "
        "after its STOP_TIMEOUT by KILL; after PILOTFISH_STOP_TIMEOUT everything is killed.");
    return page.take();
}

std::string exit_codes_page(bool colour) {
    constexpr std::array<Entry, 4> kClientCodes{
        {{"0", "it is done, and with --wait it has come true"},
         {"1", "the daemon refused, or a worker did not get there in time"},
         {"2", "the command line is wrong"},
         {"3", "no daemon was found, or it does not answer"}}};
    constexpr std::array<Entry, 7> kCodes{
        {{"0", "all workers ended well, or a stop was asked for under run"},
         {"1 to 255",
          "the worker's own code: of main, of the first critical worker to end, or of "
          "the first that failed"},
         {"128+n", "that worker was killed by signal n: 137 is KILL, 143 is TERM"},
         {"2", "the command line or the configuration is wrong"},
         {"125", "the daemon itself failed"},
         {"126", "the command was found but cannot be executed"},
         {"127", "the command was not found"}}};
    TextPage page(colour);
    page.paragraph("The exit code of pilotfish says how the container ended:");
    for (const Entry& entry : kCodes) page.entry(entry.name, entry.text, kNameColumns);
    page.paragraph(
        "After a stop that was asked for, it is 0 under run and main's own code as an entrypoint. "
        "pilotfish probe ends with 0 or 1. The last log line says who ended the container and "
        "why.");
    page.paragraph("Of a command that asks a running daemon (status, stop, logs and the like):");
    for (const Entry& entry : kClientCodes) page.entry(entry.name, entry.text, kNameColumns);
    return page.take();
}

std::string command_page(const CommandRow& command, bool colour) {
    TextPage page(colour);
    std::string line = "pilotfish " + std::string(command.name);
    if (!command.synopsis.empty()) line.append(" ").append(command.synopsis);
    page.heading(line);
    page.entry("", command.help, 0);
    if (!command.options.empty()) page.heading("Options");
    for (const OptionRow& option : command.options) {
        std::string name(option.short_name);
        name.append(name.empty() ? "" : ", ").append(option.name);
        if (!option.argument.empty()) name.append(" ").append(option.argument);
        page.entry(name, option.help, kNameColumns);
    }
    return page.take();
}

template <class Owner>
void describe(TextPage& page, const SettingRow<Owner>& row, std::string_view variable,
              std::string_view level) {
    constexpr std::size_t kWords = 8;
    page.heading(std::string(variable) + shown_name(row));
    page.entry("meaning", row.help, kWords);
    page.entry("accepts", row.accepted, kWords);
    const std::string value = default_text(row);
    page.entry("default", value.empty() ? "unset" : value, kWords);
    if (!row.unit.empty()) page.entry("unit", row.unit, kWords);
    page.entry("level", level, kWords);
}

// The settings that a topic names: "MAXPROCS", "pilotfish_maxprocs",
// "PILOTFISH_WORKER_WEB_RESTART".
bool setting_page(std::string_view topic, bool colour, std::string& text) {
    const std::string variable = upper(topic);
    std::string_view name = variable;
    const bool of_worker = name.starts_with(kWorkerPrefix);
    const bool of_daemon = !of_worker && name.starts_with(kVariablePrefix);
    if (of_daemon) name.remove_prefix(kVariablePrefix.size());
    TextPage page(colour);
    bool found = false;
    for (const auto& row : global_settings()) {
        if (row.name != name) continue;
        describe(page, row, kVariablePrefix, "the daemon");
        found = true;
    }
    for (const auto& row : worker_settings()) {
        const std::string ending = "_" + std::string(row.name);
        const bool named = row.is_prefix() ? name.starts_with(row.name) : row.name == name;
        const bool ends =
            row.is_prefix() ? name.find(ending) != std::string_view::npos : name.ends_with(ending);
        if (of_daemon || !(of_worker ? ends : named)) continue;
        describe(page, row, "PILOTFISH_WORKER_<WORKER>_", "one worker");
        found = true;
    }
    text = page.take();
    return found;
}

core::Error unknown_topic(std::string_view topic) {
    std::vector<std::string_view> known{"settings", "workers", "signals", "exit-codes"};
    for (const CommandRow& command : commands()) known.push_back(command.name);
    for (const auto& row : global_settings()) known.push_back(row.name);
    for (const auto& row : worker_settings()) known.push_back(row.name);
    std::string_view wanted = topic;
    const std::string capitals = upper(topic);
    if (capitals.starts_with(kVariablePrefix)) wanted.remove_prefix(kVariablePrefix.size());
    const std::string_view nearest = nearest_name(wanted, known);
    std::string sentence = "cannot help with " + in_quotes(topic) + ": no such topic or setting";
    if (!nearest.empty()) {
        sentence.append("; did you mean pilotfish help ").append(nearest).append("?");
    } else {
        sentence.append("; there are settings, workers, signals, exit-codes");
    }
    return {std::move(sentence), 0};
}

// A cell of a table: | ends it, and < would begin a tag.
std::string cell(std::string_view text, bool code) {
    if (text.empty()) return "";
    std::string result = code ? "`" : "";
    for (const char c : text) {
        if (c == '|' || (c == '<' && !code)) result.push_back('\\');
        result.push_back(c);
    }
    return result + (code ? "`" : "");
}

template <class Rows>
std::string markdown_table(const Rows& rows, std::string_view prefix) {
    std::string text = "| variable | accepts | unit | default | meaning |\n|---|---|---|---|---|\n";
    for (const auto& row : rows) {
        const bool value_like = row.default_words.empty();
        text.append("| ").append(cell(std::string(prefix) + shown_name(row), true));
        text.append(" | ").append(cell(row.accepted, false));
        text.append(" | ").append(cell(row.unit, false));
        text.append(" | ").append(cell(default_text(row), value_like));
        text.append(" | ").append(cell(row.help, false)).append(" |\n");
    }
    return text;
}

std::string workers_markdown() {
    return "Of one worker (`<WORKER>` in capitals, `-` as `_`):\n\n" +
           markdown_table(worker_settings(), "PILOTFISH_WORKER_<WORKER>_");
}

}  // namespace

std::string settings_markdown() {
    return "Of the daemon:\n\n" + markdown_table(global_settings(), kVariablePrefix) + "\n" +
           workers_markdown();
}

core::Result<std::string> help_text(const Invocation& invocation, bool colour) {
    const std::string_view topic = invocation.topic;
    if (invocation.form == OutputForm::markdown) {
        if (topic == "settings") return settings_markdown();
        if (topic == "workers") return workers_markdown();
        return core::Error{
            "cannot write that as a table: --markdown is for help settings and help workers", 0};
    }
    if (topic.empty()) return overview(colour);
    if (topic == "settings") return settings_page(colour);
    if (topic == "workers") return workers_page(colour);
    if (topic == "signals") return signals_page(colour);
    if (topic == "exit-codes") return exit_codes_page(colour);
    for (const CommandRow& command : commands()) {
        if (command.name == topic) return command_page(command, colour);
    }
    std::string text;
    if (setting_page(topic, colour, text)) return text;
    return unknown_topic(topic);
}

}  // namespace pilotfish::config
