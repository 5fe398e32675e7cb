#include "daemon/env_report.h"

#include <algorithm>
#include <vector>

#include "cgroup/limit_file.h"
#include "cgroup/limits_reader.h"
#include "config/nearest_name.h"
#include "daemon/environment.h"
#include "daemon/hints.h"
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

std::string as_text(const http::WorkerHintsView& worker) {
    std::string text = worker.worker + "\n";
    if (worker.hints.empty())
        return text + "  nothing: no limit asks for it, or all of it is set already\n";
    std::size_t width = 0;
    for (const http::HintView& hint : worker.hints)
        width = std::max(width, hint.name.size() + 1 + hint.value.size());
    for (const http::HintView& hint : worker.hints) {
        const std::string setting = hint.name + "=" + hint.value;
        text += "  " + setting + std::string(width - setting.size() + 2, ' ') +
                cgroup::printable(hint.reason) + "\n";
    }
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
    const core::Limits limits = cgroup::read_limits(cgroup::FileSource::this_process());
    // Without a worker of its own it answers for the command an image may have.
    config::WorkerSettings only;
    only.name = "main";
    std::vector<const config::WorkerSettings*> asked;
    std::vector<std::string_view> names;
    for (const config::WorkerConfiguration& worker : configuration.workers) {
        names.push_back(worker.settings.name);
        if (invocation.worker.empty() || invocation.worker == worker.settings.name)
            asked.push_back(&worker.settings);
    }
    if (asked.empty() && (invocation.worker.empty() || invocation.worker == only.name))
        asked.push_back(&only);
    if (asked.empty()) {
        const std::string_view nearest = config::nearest_name(invocation.worker, names);
        return core::Error{
            "cannot show the environment of " + invocation.worker + ": there is no such worker" +
            (nearest.empty() ? std::string() : "; did you mean " + std::string(nearest) + "?")};
    }

    std::vector<http::WorkerHintsView> views;
    for (const config::WorkerSettings* worker : asked) {
        http::WorkerHintsView view{worker->name, {}};
        for (const Hint& hint :
             worker_hints(configuration, *worker, worker_environment(*worker), limits, {})) {
            view.hints.push_back({hint.name, hint.value, hint.reason});
        }
        views.push_back(std::move(view));
    }
    if (invocation.form == config::OutputForm::json) return http::render_hints(views);
    std::string text;
    for (const http::WorkerHintsView& view : views) {
        text += invocation.form == config::OutputForm::shell ? as_shell(view) : as_text(view);
    }
    return text;
}

}  // namespace pilotfish::daemon
