#include "daemon/env_report.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "cgroup/limit_file.h"
#include "cgroup/limits_reader.h"
#include "config/nearest_name.h"
#include "daemon/environment.h"
#include "daemon/hints.h"
#include "daemon/worker_group.h"
#include "http/render_hints.h"

namespace pilotfish::daemon {
namespace {

// A word that any POSIX shell reads back as it stands.
std::string shell_word(const std::string& text) {
    std::string word = "'";
    for (const char letter : text) {
        if (letter == '\'') {
            word += "'\\''";
        } else {
            word += letter;
        }
    }
    return word + "'";
}

// "  NAME=value  reason" lines, the reasons in one column.
void append_rows(std::string& text, const std::vector<std::pair<std::string, std::string>>& rows) {
    std::size_t width = 0;
    for (const auto& [what, reason] : rows) width = std::max(width, what.size());
    for (const auto& [what, reason] : rows)
        text += "  " + what + std::string(width - what.size() + 2, ' ') + reason + "\n";
}

std::string as_text(const http::WorkerHintsView& worker, const std::string& why_nothing) {
    std::string text = worker.worker;
    if (!worker.program.empty()) text += " (" + worker.program + ")";
    text += "\n";
    std::vector<std::pair<std::string, std::string>> rows;
    for (const http::HintView& hint : worker.hints)
        rows.emplace_back(hint.name + "=" + cgroup::printable(hint.value),
                          cgroup::printable(hint.reason));
    if (rows.empty())
        text += "  nothing: " +
                (why_nothing.empty() ? "no limit asks for it, or all of it is set already"
                                     : why_nothing) +
                "\n";
    append_rows(text, rows);
    if (worker.omissions.empty()) return text;
    rows.clear();
    for (const http::OmissionView& omission : worker.omissions)
        rows.emplace_back(omission.name, cgroup::printable(omission.reason));
    text += "  not set:\n";
    append_rows(text, rows);
    return text;
}

std::string as_shell(const http::WorkerHintsView& worker) {
    std::string text;
    for (const http::HintView& hint : worker.hints)
        text += "export " + hint.name + "=" + shell_word(hint.value) + "\n";
    return text;
}

}  // namespace

core::Result<std::string> env_report(const config::Configuration& configuration,
                                     const config::Invocation& invocation) {
    return env_report(configuration, invocation,
                      cgroup::read_limits(cgroup::FileSource::this_process()),
                      foreseen_parents(configuration));
}

core::Result<std::string> env_report(const config::Configuration& configuration,
                                     const config::Invocation& invocation,
                                     const core::Limits& limits,
                                     const std::vector<cgroup::GroupParent>& parents) {
    // Without a worker of its own it answers for the command an image may have.
    config::Configuration shown = configuration;
    if (shown.workers.empty()) shown.workers.emplace_back().settings.name = "main";
    std::vector<const config::WorkerSettings*> asked;
    std::vector<std::string_view> names;
    for (const config::WorkerConfiguration& worker : shown.workers) {
        names.push_back(worker.settings.name);
        if (invocation.worker.empty() || invocation.worker == worker.settings.name)
            asked.push_back(&worker.settings);
    }
    if (asked.empty()) {
        const std::string_view nearest = config::nearest_name(invocation.worker, names);
        return core::Error{
            "cannot show the environment of " + invocation.worker + ": there is no such worker" +
            (nearest.empty() ? std::string() : "; did you mean " + std::string(nearest) + "?")};
    }

    const Budgets budgets = make_budgets(shown, limits);
    std::vector<http::WorkerHintsView> views;
    std::vector<std::string> whys;
    for (const config::WorkerSettings* worker : asked) {
        // What keeps the worker from starting is told there; here only the files' part is missing.
        const auto identity = prepare_identity(*worker);
        const std::vector<std::string> environment =
            worker_environment(*worker, identity ? identity->variables : OwnVariables());
        http::WorkerHintsView view;
        view.worker = worker->name;
        view.program = program_words(worker_program(*worker, environment, {}));
        const Rightsizing sizing = worker_hints(
            shown, *worker,
            {.environment = environment,
             .limits = limits,
             .budgets = budgets,
             .directory = {},
             .own_group = foreseen_group(*worker, shown.settings.child_groups, parents, limits)});
        whys.push_back(sizing.why_nothing);
        for (const Hint& hint : sizing.hints)
            view.hints.push_back({hint.name, hint.value, hint.reason});
        for (const Omission& omission : sizing.omissions)
            view.omissions.push_back({omission.name, omission.reason});
        views.push_back(std::move(view));
    }
    if (invocation.form == config::OutputForm::json) return http::render_hints(views);
    std::string text;
    for (std::size_t at = 0; at < views.size(); ++at) {
        text += invocation.form == config::OutputForm::shell ? as_shell(views[at])
                                                             : as_text(views[at], whys[at]);
    }
    return text;
}

}  // namespace pilotfish::daemon
