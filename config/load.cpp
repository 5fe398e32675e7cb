#include "config/load.h"

#include <algorithm>

#include "config/command_text.h"
#include "config/consistency.h"
#include "config/in_quotes.h"
#include "config/instances.h"
#include "config/kubernetes_names.h"
#include "config/setting_table.h"
#include "config/settings_file.h"
#include "config/unknown_name.h"
#include "core/check.h"

namespace pilotfish::config {
namespace {

struct Variable {
    std::string_view name;  // whole: PILOTFISH_...
    std::string_view value;
};

// Set by a pilotfish above this one for its workers, so a nested one meets them (contract, section
// 2).
bool is_handed_down(std::string_view name) {
    return name == "PILOTFISH_WORKER" || name == "PILOTFISH_INSTANCE" ||
           name == "PILOTFISH_EXIT_REASON" || name == "PILOTFISH_EXIT_CODE" ||
           name == "PILOTFISH_EXIT_SIGNAL";
}

// A worker is told where its pilotfish listens under the name of the setting, for the client
// commands. A pilotfish that is itself a worker must not take that for its own; who sets the
// variable writes a path, never unix:, which says whose it is.
bool is_the_socket_above(std::string_view name, std::string_view value, bool is_a_worker) {
    return is_a_worker && name == "CONTROL_SOCKET" && value.starts_with("unix:");
}

bool is_a_worker(const char* const* environ) {
    constexpr std::string_view kMark = "PILOTFISH_INSTANCE=";
    for (; environ != nullptr && *environ != nullptr; ++environ)
        if (std::string_view(*environ).starts_with(kMark)) return true;
    return false;
}

class Loader {
  public:
    Loader(const Invocation& invocation, const ReadFile& read_file)
        : invocation_(invocation), read_file_(read_file) {
        configuration_.origins.resize(global_settings().size(), Origin::default_value);
    }

    core::Result<Configuration> load(const char* const* environ) {
        read_global(environ);
        read_file();
        resolve_signals();
        declare_workers();
        for (const Variable& variable : pending_) {
            if (!read_worker(variable)) read_other(variable);
        }
        apply_file_to_workers();
        drop_unused_main();
        for (WorkerConfiguration& worker : configuration_.workers) apply_kind(worker);
        check_consistency(configuration_, invocation_.action, errors_);
        report_unknown();
        if (errors_.empty()) {
            make_instances(configuration_);
            return std::move(configuration_);
        }
        std::string all;
        for (const std::string& error : errors_) all.append(all.empty() ? "" : "\n").append(error);
        return core::Error{std::move(all), 0};
    }

  private:
    bool entrypoint_mode() const {
        return invocation_.action == Action::entrypoint ||
               (invocation_.action != Action::run && !invocation_.command.empty());
    }
    // check, env and the like: asked about a configuration, not to run it.
    bool inspecting() const {
        return invocation_.action != Action::entrypoint && invocation_.action != Action::run;
    }

    // One pass over everything: the daemon's own settings at once, the rest kept for the workers.
    void read_global(const char* const* environ) {
        const bool nested = is_a_worker(environ);
        for (; environ != nullptr && *environ != nullptr; ++environ) {
            const std::string_view entry = *environ;
            if (!entry.starts_with(kVariablePrefix)) continue;
            const std::size_t equals = entry.find('=');
            if (equals == std::string_view::npos) continue;
            const Variable variable{entry.substr(0, equals), entry.substr(equals + 1)};
            const std::string_view name = variable.name.substr(kVariablePrefix.size());
            if (is_the_socket_above(name, variable.value, nested)) continue;
            const auto rows = global_settings();
            const auto row = std::find_if(rows.begin(), rows.end(),
                                          [name](const auto& each) { return each.name == name; });
            if (row == rows.end()) {
                pending_.push_back(variable);
            } else {
                read(*row, variable, {}, configuration_.settings,
                     configuration_.origins[static_cast<std::size_t>(row - rows.begin())]);
            }
        }
    }

    void read_file() {
        const std::string& path = configuration_.settings.config_file;
        if (path.empty()) return;
        const auto text = read_file_(path);
        if (!text) {
            errors_.push_back(text.error().message);
            return;
        }
        file_ = settings_in(*text, path);
        errors_.insert(errors_.end(), file_.faults.begin(), file_.faults.end());
        apply_to_daemon(file_, configuration_, errors_);
    }

    void apply_file_to_workers() {
        for (const FileSetting& setting : file_.settings) {
            const WorkerConfiguration* const owner = configuration_.find_worker(setting.worker);
            if (setting.name != "COMMAND" || owner == nullptr) continue;
            if (owner->settings.command.empty())
                check_command({setting.place, setting.text}, setting.worker);
        }
        apply_to_workers(file_, configuration_, errors_);
    }

    void resolve_signals() {
        SignalPolicy& signals = configuration_.settings.signals;
        if (signals != SignalPolicy::by_mode) return;
        if (entrypoint_mode()) signals = SignalPolicy::forward;
        if (invocation_.action == Action::run) signals = SignalPolicy::own;
        if (signals != SignalPolicy::by_mode) set_origin("SIGNALS", Origin::mode);
    }

    void set_origin(std::string_view name, Origin origin) {
        const auto rows = global_settings();
        for (std::size_t at = 0; at < rows.size(); ++at) {
            if (rows[at].name == name) configuration_.origins[at] = origin;
        }
    }

    template <class Owner>
    void read(const SettingRow<Owner>& row, const Variable& variable, std::string_view suffix,
              Owner& owner, Origin& origin) {
        // getenv(3) takes the first of two; a prefix row may come often, each with its own suffix.
        if (!row.is_prefix() && origin == Origin::environment) {
            configuration_.warnings.push_back(std::string(variable.name) +
                                              " is set twice: the first one counts");
            return;
        }
        origin = Origin::environment;
        if (variable.value.empty() && !row.allows_empty) {
            errors_.push_back("cannot use " + std::string(variable.name) +
                              ": it is empty; it needs " + std::string(row.accepted) +
                              ", or unset it for the default");
            return;
        }
        std::string why;
        if (row.read(variable.value, suffix, owner, why)) return;
        std::string sentence = "cannot use " + std::string(variable.name);
        if (!row.is_secret) sentence.append("=").append(in_quotes(variable.value));
        sentence.append(": it ");
        if (!why.empty()) sentence.append(why).append("; it ");
        errors_.push_back(sentence.append("needs ").append(row.accepted));
    }

    void declare_workers() {
        Names names = configuration_.settings.workers;
        if (entrypoint_mode() && !names.empty()) {
            errors_.push_back(
                "cannot use PILOTFISH_WORKERS=" + in_quotes(show_names(names)) +
                ": an entrypoint has one worker, main; for several: pilotfish run -- COMMAND...");
            names.clear();
        }
        declare_workers_of_file(names);
        const bool declared = std::find(names.begin(), names.end(), "main") != names.end();
        if (!declared && (!invocation_.command.empty() || inspecting())) {
            names.insert(names.begin(), "main");
            main_is_implied_ = invocation_.command.empty();
        }
        for (const std::string& name : names) add_worker(name);
    }

    void declare_workers_of_file(Names& names) {
        for (const std::string& name : file_.workers) {
            if (entrypoint_mode() && name != "main") {
                errors_.push_back("cannot use workers." + name + " in " +
                                  configuration_.settings.config_file +
                                  ": an entrypoint has one worker, main; for several: pilotfish "
                                  "run -- COMMAND...");
                continue;
            }
            if (std::find(names.begin(), names.end(), name) != names.end()) continue;
            names.push_back(name);
            if (entrypoint_mode()) continue;
            configuration_.settings.workers.push_back(name);
            if (!configuration_.is_set("WORKERS")) set_origin("WORKERS", Origin::file);
        }
    }

    static std::string show_names(const Names& names) {
        std::string text;
        for (const std::string& name : names) text.append(text.empty() ? "" : ",").append(name);
        return text;
    }

    void add_worker(const std::string& name) {
        WorkerConfiguration worker;
        worker.origins.resize(worker_settings().size(), Origin::default_value);
        WorkerSettings& settings = worker.settings;
        settings.name = name;
        const Settings& global = configuration_.settings;
        if (name == "main") {
            settings.critical = true;
            settings.restart = RestartPolicy::never;
            settings.log = WorkerLog::inherit;
            settings.stdin_mode = StdinMode::inherit;
            // Alone, it gets all the time there is: an image that moves from tini loses no grace.
            if (configuration_.settings.workers.empty()) {
                const bool any_left = global.stop_timeout > global.drain_delay;
                settings.stop_timeout =
                    any_left ? global.stop_timeout - global.drain_delay : Duration::zero();
            }
        } else if (global.log_format == LogFormat::json) {
            settings.log = WorkerLog::json;
        }
        prefixes_.push_back(worker_variable_prefix(name));
        configuration_.workers.push_back(std::move(worker));
    }

    // A declared worker's setting: of the names that fit, the longest whose rest is a setting.
    bool read_worker(const Variable& variable) {
        if (!variable.name.starts_with(kWorkerPrefix)) return false;
        const SettingRow<WorkerSettings>* found = nullptr;
        std::size_t worker = 0;
        for (std::size_t at = 0; at < prefixes_.size(); ++at) {
            if (!variable.name.starts_with(prefixes_[at])) continue;
            if (found != nullptr && prefixes_[at].size() < prefixes_[worker].size()) continue;
            const auto* row = find_worker_setting(variable.name.substr(prefixes_[at].size()));
            if (row == nullptr) continue;
            found = row;
            worker = at;
        }
        if (found == nullptr) return false;
        WorkerConfiguration& owner = configuration_.workers[worker];
        const std::string_view suffix =
            variable.name.substr(prefixes_[worker].size() + found->name.size());
        const auto at = static_cast<std::size_t>(found - worker_settings().data());
        read(*found, variable, suffix, owner.settings, owner.origins[at]);
        if (found->name == "COMMAND") check_command(variable, owner.settings.name);
        return true;
    }

    void check_command(const Variable& variable, const std::string& worker) {
        if (worker == "main" && !invocation_.command.empty()) {
            errors_.push_back("cannot use " + std::string(variable.name) + "=" +
                              in_quotes(variable.value) +
                              ": the command line gives main's command too; keep one of them");
            return;
        }
        const std::string_view part = shell_only_part(variable.value);
        if (part.empty()) return;
        configuration_.warnings.push_back(
            std::string(variable.name) + " has " + in_quotes(part) +
            ", which only a shell would act on, and there is none: use [\"sh\",\"-c\",\"...\"]");
    }

    void read_other(const Variable& variable) {
        if (variable.name == "PILOTFISH_VERSION" || is_handed_down(variable.name)) return;
        if (is_kubernetes_service_variable(variable.name, variable.value)) return;
        unknown_.push_back(variable.name);
    }

    // A main that nobody declared stays only when some setting of it was found.
    void drop_unused_main() {
        if (!main_is_implied_) {
            if (!invocation_.command.empty()) give_main_its_command();
            return;
        }
        const auto& origins = configuration_.workers.front().origins;
        const bool unused = std::all_of(origins.begin(), origins.end(), [](Origin origin) {
            return origin == Origin::default_value;
        });
        if (unused) configuration_.workers.erase(configuration_.workers.begin());
    }

    void give_main_its_command() {
        for (WorkerConfiguration& worker : configuration_.workers) {
            if (worker.settings.name != "main") continue;
            worker.settings.command = invocation_.command;
            const auto rows = worker_settings();
            for (std::size_t at = 0; at < rows.size(); ++at) {
                if (rows[at].name == "COMMAND") worker.origins[at] = Origin::command_line;
            }
        }
    }

    // The kind decides about RESTART where nobody did; of main its name has.
    static void apply_kind(WorkerConfiguration& worker) {
        WorkerSettings& settings = worker.settings;
        const auto at =
            static_cast<std::size_t>(find_worker_setting("RESTART") - worker_settings().data());
        if (settings.kind == WorkerKind::service || worker.origins[at] != Origin::default_value)
            return;
        if (settings.name != "main") settings.restart = RestartPolicy::on_failure;
        if (settings.kind == WorkerKind::cron) settings.restart = RestartPolicy::never;
        worker.origins[at] = Origin::mode;
    }

    void report_unknown() {
        const bool strict = configuration_.settings.strict;
        for (const std::string_view name : unknown_) {
            const std::string what = explain_unknown(name, configuration_);
            if (strict) {
                errors_.push_back("cannot use " + std::string(name) + ": " + what);
            } else {
                configuration_.warnings.push_back("ignored " + std::string(name) + ": " + what);
            }
        }
        for (const std::string& what : file_.unknown) {
            if (strict) {
                errors_.push_back("cannot use " + what + std::string(kIgnoreUnknown));
            } else {
                configuration_.warnings.push_back("ignored " + what);
            }
        }
    }

    const Invocation& invocation_;
    const ReadFile& read_file_;
    FileSettings file_;
    Configuration configuration_;
    std::vector<Variable> pending_;      // not the daemon's own
    std::vector<std::string> prefixes_;  // of configuration_.workers, in its order
    std::vector<std::string_view> unknown_;
    std::vector<std::string> errors_;
    bool main_is_implied_ = false;
};

}  // namespace

core::Result<Configuration> load(const char* const* environ, const Invocation& invocation) {
    return load(environ, invocation, read_settings_file);
}

core::Result<Configuration> load(const char* const* environ, const Invocation& invocation,
                                 const ReadFile& read_file) {
    return Loader(invocation, read_file).load(environ);
}

bool Configuration::is_set(std::string_view name) const {
    const auto rows = global_settings();
    for (std::size_t at = 0; at < rows.size(); ++at) {
        if (rows[at].name == name) return is_setting(origins[at]);
    }
    core::check_failed(__FILE__, __LINE__, "name", "is_set() of a name that is no global setting");
}

const WorkerConfiguration* Configuration::find_worker(std::string_view name) const {
    for (const WorkerConfiguration& worker : workers) {
        if (worker.settings.name == name) return &worker;
    }
    return nullptr;
}

}  // namespace pilotfish::config
