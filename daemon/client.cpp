#include "daemon/client.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/check.h"
#include "daemon/client_follow.h"
#include "daemon/client_output.h"
#include "daemon/client_table.h"
#include "daemon/client_target.h"
#include "daemon/control.h"
#include "daemon/duration_text.h"
#include "http/answers.h"

namespace pilotfish::daemon {
namespace {

using config::Action;
using config::Invocation;
using std::chrono::milliseconds;

// A page may take the daemon 10 s, after which it says so itself (http/README.md, Limits).
constexpr milliseconds kPatience{15'000};
// Follows what is recorded from now on: of all that was, nothing is told.
constexpr std::string_view kNewEvents = "/v1/events?follow=1&since=9007199254740991";

int unreachable(const core::Error& error) { return complain(kUnreachableExitCode, error.message); }

std::string verb_of(Action action) {
    switch (action) {
        case Action::start: return "start";
        case Action::stop: return "stop";
        case Action::restart: return "restart";
        case Action::signal: return "signal";
        case Action::reload: return "reload";
        case Action::upgrade: return "upgrade";
        case Action::shutdown: return "shutdown";
        default: return "";
    }
}

core::Result<ClientConnection::Answer> ask_once(const ClientTarget& target, std::string_view method,
                                                const std::string& path) {
    core::Result<ClientConnection> connection = target.open();
    if (!connection) return connection.error();
    return connection->ask(method, path, target.token, kPatience);
}

bool is_named(std::string_view worker, const void* with) {
    const auto& named = *static_cast<const std::vector<std::string>*>(with);
    if (named.empty()) return true;
    for (const std::string& name : named)
        if (is_meant(worker, name)) return true;
    return false;
}

// The first of the names that means no worker; empty: each means one.
std::string unknown_of(const std::vector<std::string>& named,
                       const std::vector<http::WorkerView>& workers) {
    for (const std::string& name : named) {
        bool found = false;
        for (const http::WorkerView& worker : workers) found = found || is_meant(worker.name, name);
        if (!found) return name;
    }
    return {};
}

int show_status_once(const ClientTarget& target, const Invocation& invocation, bool clear) {
    const auto answer = ask_once(target, "GET", "/v1/workers");
    if (!answer) return unreachable(answer.error());
    if (answer->status != 200)
        return complain(kRefusedExitCode, "the daemon at " + target.where +
                                              " refused: " + http::parse_problem(answer->body));
    const std::vector<std::string>& named = invocation.client.workers;
    auto parsed = http::parse_workers(answer->body);
    const auto json = http::only_workers(answer->body, is_named, &named);
    if (!parsed || !json)
        return complain(kUnreachableExitCode,
                        "cannot read the answer of " + target.where + ": it is no list of workers");
    if (const std::string unknown = unknown_of(named, parsed->workers); !unknown.empty())
        return complain(kRefusedExitCode, "there is no worker called " + unknown);
    if (invocation.form == config::OutputForm::json) return tell(*json) ? 0 : kRefusedExitCode;
    std::erase_if(parsed->workers,
                  [&](const http::WorkerView& worker) { return !is_named(worker.name, &named); });
    const bool terminal = isatty(STDOUT_FILENO) == 1;
    // Home, and nothing below: what stood there before is written over at once.
    const std::string before = clear && terminal ? "\x1b[H\x1b[J" : "";
    return tell(before + status_table(parsed->workers, terminal)) ? 0 : kRefusedExitCode;
}

int show_status(const ClientTarget& target, const Invocation& invocation) {
    for (;;) {
        const int code = show_status_once(target, invocation, invocation.client.watch);
        if (code != 0 || !invocation.client.watch) return code;
        std::this_thread::sleep_for(std::chrono::seconds(1));
    }
}

std::string sentence_of(const http::WorkerView& worker) {
    std::string text = worker.name + ": " + worker.state;
    if (worker.pid) text += ", process " + std::to_string(*worker.pid);
    if (worker.next_try_seconds) text += ", next try in " + short_time(*worker.next_try_seconds);
    if (!worker.up && !worker.exit_text.empty()) text += ", " + harmless(worker.exit_text);
    return text + "\n";
}

// One worker's wish, asked on a connection of its own: several wait side by side.
struct Wish {
    std::string worker;
    ClientConnection connection;
};

int hear_of(Wish& wish, const Invocation& invocation, milliseconds patience) {
    std::string body;
    for (bool whole = false; !whole;) {
        const core::Result<bool> received = wish.connection.receive(body, patience);
        if (!received) return unreachable(received.error());
        whole = *received;
    }
    const std::string verb = verb_of(invocation.action);
    if (wish.connection.status() >= 300) {
        return complain(kRefusedExitCode,
                        verb + " " + wish.worker + ": " + http::parse_problem(body));
    }
    const auto answer = http::parse_workers(body);
    if (!answer)
        return complain(kUnreachableExitCode,
                        "cannot read the answer to " + verb + " " + wish.worker);
    std::string text;
    for (const http::WorkerView& worker : answer->workers) text += sentence_of(worker);
    if (!tell(text)) return kRefusedExitCode;
    if (!invocation.client.wait || answer->reached) return 0;
    return complain(kRefusedExitCode, "cannot " + verb + " " + wish.worker + " within " +
                                          duration_text(*invocation.client.wait) +
                                          ": see above how far it came");
}

int wish_of_workers(const ClientTarget& target, const Invocation& invocation) {
    milliseconds patience = kPatience;
    std::string query;
    if (invocation.action == Action::signal) {
        query = "?signal=";
        // The + of RTMIN+1 would be read as a blank.
        for (const char c : invocation.client.signal) query += c == '+' ? "%2B" : std::string(1, c);
    } else if (invocation.client.wait) {
        const auto wait = std::chrono::ceil<milliseconds>(*invocation.client.wait);
        query = "?wait=" + std::to_string(wait.count()) + "ms";
        patience += wait;
    }
    std::vector<Wish> wishes;
    for (const std::string& worker : invocation.client.workers) {
        core::Result<ClientConnection> connection = target.open();
        if (!connection) return unreachable(connection.error());
        const std::string path = "/v1/workers/" + worker + "/" + verb_of(invocation.action);
        if (auto sent = connection->send("POST", path + query, target.token); !sent)
            return unreachable(sent.error());
        wishes.push_back({worker, std::move(*connection)});
    }
    int code = 0;
    for (Wish& wish : wishes) code = std::max(code, hear_of(wish, invocation, patience));
    return code;
}

int whole_daemon(const ClientTarget& target, const Invocation& invocation) {
    const bool reload = invocation.action == Action::reload;
    const std::string path =
        reload ? (invocation.client.dry_run ? "/v1/config/reload?dry_run=1" : "/v1/config/reload")
               : "/v1/upgrade";
    const auto answer = ask_once(target, "POST", path);
    if (!answer) return unreachable(answer.error());
    if (answer->status >= 300) return complain(kRefusedExitCode, http::parse_problem(answer->body));
    return tell(http::text_of(answer->body)) ? 0 : kRefusedExitCode;
}

// Waits until nobody, or another process, answers where the daemon did. That a stream has ended, or
// that the daemon has no room for one more, proves nothing.
core::Result<void> wait_for_end(const ClientTarget& target, ClientConnection witness) {
    // Heard of each 15 s; no end of its own: the daemon's PILOTFISH_STOP_TIMEOUT is it.
    constexpr milliseconds kSilence{45'000};
    constexpr milliseconds kAskAgain{100};
    const int pid = witness.peer_pid();
    for (;;) {
        std::string ignored;
        for (;;) {
            const core::Result<bool> whole = witness.receive(ignored, kSilence);
            ignored.clear();
            if (!whole && whole.error().timed_out()) return whole.error();
            if (!whole || *whole) break;
        }
        std::this_thread::sleep_for(kAskAgain);
        core::Result<ClientConnection> next = target.open();
        if (!next && next.error().system_errno == ETIMEDOUT) return next.error();
        if (!next || next->peer_pid() != pid) return {};
        // Refused or not: receive() tells, and another daemon's turn comes.
        if (auto sent = next->send("GET", kNewEvents, target.token); !sent) continue;
        witness = std::move(*next);
    }
}

int shutdown(const ClientTarget& target, const Invocation& invocation) {
    core::Result<ClientConnection> witness = target.open();
    if (!witness) return unreachable(witness.error());
    if (invocation.client.wait_for_end) {
        if (auto sent = witness->send("GET", kNewEvents, target.token); !sent)
            return unreachable(sent.error());
    }
    const auto answer = ask_once(target, "POST", "/v1/shutdown");
    if (!answer) return unreachable(answer.error());
    if (answer->status >= 300) return complain(kRefusedExitCode, http::parse_problem(answer->body));
    if (!invocation.client.wait_for_end) return tell("the shutdown has begun\n") ? 0 : 1;
    if (auto ended = wait_for_end(target, std::move(*witness)); !ended)
        return unreachable(ended.error());
    return tell("the daemon has ended\n") ? 0 : kRefusedExitCode;
}

}  // namespace

bool is_client_action(Action action) { return action >= Action::status; }

int run_client(const Invocation& invocation) {
    const core::Result<ClientTarget> target =
        find_daemon(client_wish(invocation.client.admin, invocation.pid));
    if (!target) return unreachable(target.error());
    switch (invocation.action) {
        case Action::status: return show_status(*target, invocation);
        case Action::start:
        case Action::stop:
        case Action::restart:
        case Action::signal: return wish_of_workers(*target, invocation);
        case Action::logs: return show_logs(*target, invocation);
        case Action::events: return show_events(*target, invocation);
        case Action::reload:
        case Action::upgrade: return whole_daemon(*target, invocation);
        case Action::shutdown: return shutdown(*target, invocation);
        default: break;
    }
    PF_CHECK(false, "run_client() of an action that asks no daemon");
    return kUnreachableExitCode;
}

}  // namespace pilotfish::daemon
