#include "daemon/commands.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "cgroup/explain.h"
#include "cgroup/limits_reader.h"
#include "config/check_report.h"
#include "config/help.h"
#include "config/load.h"
#include "daemon/budgets.h"
#include "daemon/build.h"
#include "daemon/client.h"
#include "daemon/client_output.h"
#include "daemon/container_facts.h"
#include "daemon/container_limits.h"
#include "daemon/doctor.h"
#include "daemon/env_report.h"
#include "daemon/plugin_file.h"
#include "daemon/probe.h"
#include "daemon/zone_file.h"
#include "http/render.h"

namespace pilotfish::daemon {
namespace {

int answer(std::string_view text) { return tell(text) ? 0 : 1; }

int show_limits(const config::Invocation& invocation) {
    auto source = cgroup::FileSource::this_process();
    if (!invocation.root.empty() || invocation.pid) {
        auto other = invocation.pid ? cgroup::FileSource::of_process(*invocation.pid)
                                    : cgroup::FileSource::replay(invocation.root);
        if (!other) return refuse(other.error().message);
        source = std::move(*other);
    }
    // What the settings say about rounding and share holds here too.
    const auto configuration = config::load(environ, invocation);
    if (!configuration) return refuse(configuration.error().message);
    const core::Limits limits = cgroup::read_limits(source);
    const core::DerivedLimits derived =
        cgroup::derive(limits, derive_policy(configuration->settings));
    if (invocation.form == config::OutputForm::json)
        return answer(http::render_limits(limits, derived));
    return answer(cgroup::explain(limits, derived, isatty(STDOUT_FILENO) == 1));
}

// A plugin that would be refused at the start is as wrong as a bad value.
core::Result<config::Configuration> with_plugins_tried(
    core::Result<config::Configuration> configuration) {
    if (!configuration) return configuration;
    std::string refusals;
    for (const config::WorkerConfiguration& worker : configuration->workers) {
        const config::WorkerSettings& settings = worker.settings;
        if (settings.plugin.empty()) continue;
        const PluginLoad load = load_plugin(settings.plugin);
        if (load.plugin) continue;
        refusals.append(refusals.empty() ? "" : "\n");
        refusals.append("cannot run worker " + settings.name + ": " + load.refusal.error.message);
    }
    if (refusals.empty()) return configuration;
    return core::Error{std::move(refusals), 0};
}

// What the workers claim together is compared with the container that this runs in.
core::Result<config::Configuration> with_budgets_checked(
    core::Result<config::Configuration> configuration, const core::Limits& limits) {
    if (!configuration) return configuration;
    for (std::string& warning : make_budgets(*configuration, limits).warnings)
        configuration->warnings.push_back(std::move(warning));
    return configuration;
}

core::Result<config::Configuration> with_zones_read(
    core::Result<config::Configuration> configuration) {
    if (!configuration) return configuration;
    std::vector<std::string> errors;
    check_zones(*configuration, errors);
    if (errors.empty()) return configuration;
    std::string all;
    for (const std::string& error : errors) all.append(all.empty() ? "" : "\n").append(error);
    return core::Error{std::move(all), 0};
}

// As a start in a container of these limits would find it.
core::Result<config::Configuration> configuration_tried(const config::Invocation& invocation,
                                                        const core::Limits& limits) {
    return with_budgets_checked(
        with_zones_read(with_plugins_tried(config::load(environ, invocation))), limits);
}

int check(const config::Invocation& invocation) {
    const auto loaded =
        configuration_tried(invocation, cgroup::read_limits(cgroup::FileSource::this_process()));
    const config::CheckReport report =
        config::check_report(loaded, invocation.form, isatty(STDOUT_FILENO) == 1);
    write_all(STDERR_FILENO, report.errors);
    if (!write_all(STDOUT_FILENO, report.output)) return 1;
    return report.exit_code;
}

int help(const config::Invocation& invocation) {
    const int fd = invocation.nothing_asked ? STDERR_FILENO : STDOUT_FILENO;
    const auto text = config::help_text(invocation, isatty(fd) == 1);
    if (!text) return refuse(text.error().message);
    write_all(fd, *text);
    return invocation.nothing_asked ? config::kUsageExitCode : 0;
}

int env(const config::Invocation& invocation) {
    const auto configuration = config::load(environ, invocation);
    if (!configuration) return refuse(configuration.error().message);
    const auto report = env_report(*configuration, invocation);
    if (!report) return refuse(report.error().message);
    return answer(*report);
}

int probe(const config::Invocation& invocation) {
    const auto configuration = config::load(environ, invocation);
    if (!configuration) {
        refuse(configuration.error().message);
        return 1;  // 2 is reserved where orchestrators run probes (Docker's HEALTHCHECK)
    }
    const auto verdict = ask_probe(configuration->settings, invocation.probe);
    if (!verdict) {
        write_all(STDERR_FILENO, "pilotfish: " + verdict.error().message + "\n");
        return 1;
    }
    if (!write_all(STDOUT_FILENO, verdict->text)) return 1;
    return verdict->ok ? 0 : 1;
}

// What would not start is the first item, not the end of the list.
int doctor(const config::Invocation& invocation) {
    const core::Limits limits = cgroup::read_limits(cgroup::FileSource::this_process());
    const auto configuration = configuration_tried(invocation, limits);
    const config::Settings settings = configuration ? configuration->settings : config::Settings();
    const core::DerivedLimits derived = cgroup::derive(limits, derive_policy(settings));
    const ContainerFacts facts = container_facts();
    const auto findings = examine({configuration, limits, derived, facts});
    const int told = answer(invocation.form == config::OutputForm::json
                                ? http::render_findings(findings)
                                : findings_text(findings, isatty(STDOUT_FILENO) == 1));
    return told != 0 ? told : exit_code(findings);
}

}  // namespace

int refuse(std::string_view message) {
    std::string text = "pilotfish: ";
    text += message;
    if (text.back() != '\n') text += '\n';
    write_all(STDERR_FILENO, text);
    return config::kUsageExitCode;
}

int run_command(const config::Invocation& invocation, const SignalsAtStart& signals) {
    // Nothing to supervise: ^C ends us like any other program, and so does a reader that went away.
    signals.give_back();
    if (is_client_action(invocation.action)) return run_client(invocation);
    switch (invocation.action) {
        case config::Action::limits: return show_limits(invocation);
        case config::Action::env: return env(invocation);
        case config::Action::check: return check(invocation);
        case config::Action::probe: return probe(invocation);
        case config::Action::doctor: return doctor(invocation);
        case config::Action::version: return answer(version_text(invocation.form));
        case config::Action::help: return help(invocation);
        case config::Action::entrypoint:
        case config::Action::run:
        default: break;
    }
    PF_CHECK(false, "run_command() of a supervising action");
    return 125;
}

}  // namespace pilotfish::daemon
