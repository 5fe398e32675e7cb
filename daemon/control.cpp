#include "daemon/control.h"

#include <cerrno>

#include "config/in_quotes.h"
#include "config/nearest_name.h"
#include "config/signal_name.h"
#include "core/log.h"

namespace pilotfish::daemon {
namespace {

using http::ControlAnswer;
using http::WorkerAction;

std::string_view word_for(WorkerAction action) {
    switch (action) {
        case WorkerAction::start: return "start";
        case WorkerAction::stop: return "stop";
        case WorkerAction::restart: return "restart";
        case WorkerAction::signal: return "signal";
    }
    return "";
}

// What its starts are counted to be once the wish has come true.
std::uint64_t starts_to_reach(const WorkerStatus& status, WorkerAction action) {
    const bool runs = status.state == WorkerState::running || status.state == WorkerState::ready;
    switch (action) {
        case WorkerAction::start: return runs ? status.starts : status.starts + 1;
        // One that is being started will be stopped as soon as it is.
        case WorkerAction::restart:
            return status.state == WorkerState::starting ? status.starts + 2 : status.starts + 1;
        case WorkerAction::stop:
        case WorkerAction::signal: break;
    }
    return 0;
}

ControlAnswer no_such_worker(const std::string& name, const std::vector<std::string>& names) {
    std::string why = "there is no worker called " + config::in_quotes(name);
    const std::vector<std::string_view> known(names.begin(), names.end());
    const std::string_view nearest = config::nearest_name(name, known);
    if (!nearest.empty()) {
        why.append("; did you mean ").append(nearest).append("?");
    } else if (names.empty()) {
        why += "; there are no workers here";
    } else {
        why += "; there are";
        // Enough to see the kind of names there are; /v1/workers has them all.
        constexpr std::size_t kMost = 8;
        for (std::size_t at = 0; at < names.size() && at < kMost; ++at)
            why.append(at == 0 ? " " : ", ").append(names[at]);
        if (names.size() > kMost) why += " and others";
    }
    return http::refused(404, why);
}

}  // namespace

bool is_meant(std::string_view worker, std::string_view meant) {
    if (meant.empty() || !worker.starts_with(meant)) return false;
    return worker.size() == meant.size() || worker[meant.size()] == '@';
}

void Control::note(const std::string& worker, const std::string& what, const std::string& who) {
    const std::string text = what + ", asked by " + who;
    core::log(core::LogLevel::info, "control", text);
    events_.record("control", worker, text, {{"by", who}});
}

// Empty: done. Else why not, for people.
std::string Control::ask(Worker& worker, WorkerAction action, const config::Signal& signal) {
    const WorkerStatus status = worker.status();
    const std::string& name = worker.settings().name;
    const bool is_over_soon = is_over(status.state) || status.state == WorkerState::stopping;
    if (action == WorkerAction::restart || (action == WorkerAction::start && is_over_soon)) {
        if (std::string why = supervisor_.why_only_once(worker.settings()); !why.empty())
            return why;
    }
    switch (action) {
        case WorkerAction::stop: worker.stop(); return {};
        case WorkerAction::restart:
            // What does not run has nothing to end first.
            if (status.up || status.state == WorkerState::starting) {
                worker.restart(std::string(kAskedByUser));
                return {};
            }
            [[fallthrough]];
        case WorkerAction::start: worker.start(); return {};
        case WorkerAction::signal: {
            const ReceivedSignal sent{
                .number = signal.number, .queued = false, .value = {}, .sender = 0};
            errno = 0;
            if (status.up && worker.forward(sent)) return {};
            if (status.up && errno == EPERM) {
                return "process " + std::to_string(status.pid) + " of " + name +
                       " is another user's, and the daemon may not signal it: it needs CAP_KILL";
            }
            return name + " has no process now, it is " + std::string(name_of(status.state));
        }
    }
    return {};
}

ControlAnswer Control::act(WorkerAction action, const std::string& name, const std::string& signal,
                           const std::string& who) {
    std::string what(word_for(action));
    config::Signal parsed;
    if (action == WorkerAction::signal) {
        std::string why;
        if (!config::parse_signal(signal, parsed, why)) {
            return http::refused(400, "cannot send " + config::in_quotes(signal) +
                                          ": it is no signal; accepted are TERM, SIGTERM, 15 or "
                                          "RTMIN+1");
        }
        what += " " + config::format_signal(parsed);
    } else if (supervisor_.shutting_down()) {
        return http::refused(409, "cannot " + what + " " + config::in_quotes(name) +
                                      ": the container is being stopped, and its workers with it");
    }
    ControlAnswer answer;
    std::string refusals;
    std::vector<std::string> names;
    for (const auto& worker : supervisor_.workers()) {
        names.push_back(worker->settings().name);
        if (!is_meant(names.back(), name)) continue;
        const std::uint64_t starts = starts_to_reach(worker->status(), action);
        if (const std::string why = ask(*worker, action, parsed); !why.empty()) {
            refusals.append(refusals.empty() ? "" : "; ").append(why);
            continue;
        }
        note(names.back(), names.back() + ": " + what, who);
        answer.workers.push_back({names.back(), starts});
    }
    // Some instances of several may have no process: what could be done was done.
    if (!answer.workers.empty()) return answer;
    if (refusals.empty()) return no_such_worker(name, names);
    return http::refused(409, "cannot " + what + ": " + refusals);
}

ControlAnswer Control::shut_down(const std::string& who) {
    note("", "shutdown", who);
    ControlAnswer answer;
    answer.json = "{\"shutdown\":\"begun\"}\n";
    // A container of quick workers would be over before the answer has left.
    answer.afterwards = [&supervisor = supervisor_] { supervisor.shut_down("a client"); };
    return answer;
}

ControlAnswer Control::upgrade(const std::string& who) {
    if (!upgrade_) {
        return http::refused(501,
                             "cannot upgrade: this release cannot be replaced in place; roll "
                             "out a new container");
    }
    if (supervisor_.shutting_down())
        return http::refused(409, "cannot upgrade: the container is being stopped");
    note("", "upgrade", who);
    return upgrade_();
}

ControlAnswer Control::reload(bool dry_run, const std::string& who) {
    if (!reload_) {
        return http::refused(501,
                             "cannot reload: the configuration is the environment that the daemon "
                             "was started with, which cannot change; start it again");
    }
    if (supervisor_.shutting_down())
        return http::refused(409, "cannot reload: the container is being stopped");
    if (!dry_run) note("", "reload of the configuration", who);
    return reload_(dry_run);
}

}  // namespace pilotfish::daemon
