#include "http/control_stream.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "http/render.h"

namespace pilotfish::http {
namespace {

using Clock = std::chrono::steady_clock;

struct Now {
    Reached reached = Reached::yes;
    std::vector<WorkerView> workers;
};

// One that has gone meanwhile (a new configuration is without it) is as stopped as can be, and will
// never run again.
Now look(const Sources& sources, WorkerAction action, const std::vector<AskedWorker>& asked) {
    Now now;
    for (const AskedWorker& each : asked) {
        std::optional<WorkerView> view = sources.worker(each.name);
        const Reached reached = view                           ? how_far(*view, each, action)
                                : action == WorkerAction::stop ? Reached::yes
                                                               : Reached::never;
        // One that can never get there ends the wait only when no other is on its way.
        const bool on_the_way = reached == Reached::not_yet || now.reached == Reached::not_yet;
        now.reached = on_the_way                  ? Reached::not_yet
                      : reached == Reached::never ? Reached::never
                                                  : now.reached;
        if (view) now.workers.push_back(std::move(*view));
    }
    return now;
}

}  // namespace

Reached how_far(const WorkerView& worker, const AskedWorker& asked, WorkerAction action) {
    const bool over = worker.state == "finished" || worker.state == "failed";
    switch (action) {
        case WorkerAction::signal: return Reached::yes;
        case WorkerAction::stop: return over ? Reached::yes : Reached::not_yet;
        case WorkerAction::start:
        case WorkerAction::restart: break;
    }
    if (worker.starts < asked.starts) return Reached::not_yet;
    if (worker.state == "ready" || worker.state == "finished") return Reached::yes;
    return worker.state == "failed" ? Reached::never : Reached::not_yet;
}

std::string control_body(const Sources& sources, WorkerAction action,
                         const std::vector<AskedWorker>& asked) {
    const Now now = look(sources, action, asked);
    return render_control(now.reached == Reached::yes, now.workers);
}

ControlStream::Pull ControlStream::next(std::string& out) {
    const Now now = look(sources_, action_, asked_);
    if (now.reached == Reached::not_yet && Clock::now() < deadline_) {
        // A blank before the JSON is none of it: it shows a reader that has left.
        out += '\n';
        return Pull::wait;
    }
    out += render_control(now.reached == Reached::yes, now.workers);
    return Pull::end;
}

std::chrono::milliseconds ControlStream::patience() const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
    return std::max(left, std::chrono::milliseconds(0));
}

void ControlStream::on_ready(std::function<void()> waker) {
    subscription_ = sources_.events().subscribe(std::move(waker));
}

}  // namespace pilotfish::http
