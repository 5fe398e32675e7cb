// The one table of settings: the parser, `help`, `check` and the reference in the READMEs all read
// it.
//
// Constant data; any thread; never blocks. Rows fail by false with half a sentence in `why`, as in
// config/quantity.h, and then leave the settings as they were.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "config/settings.h"

namespace pilotfish::config {

// One setting of Owner: Settings (the whole daemon) or WorkerSettings.
template <class Owner>
struct SettingRow {
    std::string_view name;      // what follows PILOTFISH_ or PILOTFISH_WORKER_<NAME>_
    std::string_view type;      // "duration": one word for tables
    std::string_view accepted;  // the accepted form, in words that follow "needs"
    std::string_view unit;      // "time", "bytes"; empty: none
    std::string_view group;     // heading in help
    std::string_view help;      // one line, no full stop
    std::string_view
        default_words;  // where the initialiser alone does not tell; empty: shown from it
    // ENV_<VAR>: what follows the name is part of the value, and this says what it is; empty: an
    // ordinary setting.
    std::string_view suffix = {};
    bool is_prefix() const { return !suffix.empty(); }
    bool is_secret = false;  // never shown

    // Reads text (never empty) into its field. `suffix`: what followed the name of a prefix row.
    bool (*read)(std::string_view text, std::string_view suffix, Owner& owner, std::string& why);
    // The field as text that read() takes; "" when unset. A secret is never given out.
    std::string (*show)(const Owner& owner);
    bool allows_empty = false;  // VARIABLE= means something
    // Of a prefix row: each suffix that was set, with its value as it may be shown.
    std::vector<std::pair<std::string, std::string>> (*each)(const Owner& owner) = nullptr;
    // Of a row that is made from a field: nullptr of one that show() or each() tells all of.
    bool (*same)(const Owner& one, const Owner& other) = nullptr;
    void (*copy)(const Owner& from, Owner& to) = nullptr;
};

std::span<const SettingRow<Settings>> global_settings();
std::span<const SettingRow<WorkerSettings>> worker_settings();

// The default as tables show it: "25s", "by mode", "" for none.
std::string default_text(const SettingRow<Settings>& row);
std::string default_text(const SettingRow<WorkerSettings>& row);

inline constexpr std::string_view kVariablePrefix = "PILOTFISH_";
inline constexpr std::string_view kWorkerPrefix = "PILOTFISH_WORKER_";

// "PILOTFISH_WORKER_WEB_API_" for the worker web-api, and for its instance web-api@1.
std::string worker_variable_prefix(std::string_view worker);

}  // namespace pilotfish::config
