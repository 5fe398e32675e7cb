// Workers that come and go while the others run. Whoever has other settings now is asked to end;
// when it is over another one takes its place, at once and without back-off, as nothing has failed.
// Its followers are not stopped: they have seen it restart before. The shutdown knows nothing of
// all this: once it has begun nobody comes any more, and who was leaving ends as all do.
#include <algorithm>

#include "core/runtime.h"
#include "daemon/supervisor.h"

namespace pilotfish::daemon {
namespace {

core::Task<void> life_of(std::shared_ptr<Worker> worker) { co_await worker->live(); }

// It is asked to end after those that come AFTER it or NEED it.
bool holds_back(const Worker& other, const Worker& worker) {
    const auto names = [&](const config::Names& list) {
        return std::find(list.begin(), list.end(), config::declared_name(worker.settings())) !=
               list.end();
    };
    return names(other.settings().after) || names(other.settings().needs);
}

}  // namespace

WorkerChanges worker_changes(const config::Difference& difference,
                             const config::Configuration& now) {
    WorkerChanges changes;
    changes.leave = difference.removed;
    const auto add = [&](const std::string& name) {
        if (const auto* const worker = now.find_worker(name))
            changes.come.push_back(worker->settings);
    };
    for (const std::string& name : difference.added) add(name);
    for (const config::WorkerChange& worker : difference.changed) add(worker.name);
    for (const auto& worker : now.workers) changes.order.push_back(worker.settings.name);
    return changes;
}

void Supervisor::change_workers(WorkerChanges changes) {
    {
        const std::lock_guard lock(changes_mutex_);
        changes_.push_back(std::move(changes));
    }
    events_.post({.kind = Event::Kind::workers_change, .worker = nullptr, .signal = {}});
}

void Supervisor::take_changes() {
    std::vector<WorkerChanges> all;
    {
        const std::lock_guard lock(changes_mutex_);
        all.swap(changes_);
    }
    if (shutdown_) return;
    for (WorkerChanges& changes : all) {
        listing_ = std::move(changes.order);
        for (const std::string& name : changes.leave) successors_[name] = std::nullopt;
        for (config::WorkerSettings& settings : changes.come) {
            if (workers_.find(settings.name) != nullptr) {
                const std::string name = settings.name;
                successors_[name] = std::move(settings);
            } else {
                admit(make_worker(settings));
            }
        }
    }
    // Who is not leaving may have got another place.
    arrange({workers_.begin(), workers_.end()});
    ask_to_leave();
    start_next_workers();
}

// In the configuration's order; who is about to leave for good stays behind the others.
void Supervisor::arrange(WorkerList::Workers workers) {
    const auto place = [this](const std::shared_ptr<Worker>& worker) {
        return std::find(listing_.begin(), listing_.end(), worker->settings().name) -
               listing_.begin();
    };
    std::stable_sort(workers.begin(), workers.end(),
                     [&](const auto& one, const auto& other) { return place(one) < place(other); });
    publish(WorkerList(std::move(workers)));
    take_order();
}

void Supervisor::admit(std::shared_ptr<Worker> worker) {
    WorkerList::Workers workers(workers_.begin(), workers_.end());
    workers.push_back(worker);
    arrange(std::move(workers));
    begin_life(worker);
}

// The task holds the worker, which may have left by the time that its last step is done.
void Supervisor::begin_life(const std::shared_ptr<Worker>& worker) {
    core::spawn(life_of(worker), {.name = worker->settings().name}).detach();
}

// As in a shutdown: a worker is asked once those of them that come AFTER it are over.
void Supervisor::ask_to_leave() {
    const WorkerList everybody = workers_;  // succeed() makes another list
    const auto leaves = [this](const Worker& worker) {
        return successors_.contains(worker.settings().name);
    };
    for (const auto& worker : everybody) {
        if (!leaves(*worker)) continue;
        if (known_over_.contains(worker.get())) {
            succeed(*worker);
            continue;
        }
        if (was_asked(*worker)) continue;
        const bool needed = std::any_of(everybody.begin(), everybody.end(), [&](const auto& other) {
            return leaves(*other) && !is_over(other->state()) && holds_back(*other, *worker);
        });
        if (needed) continue;
        ask(*worker, std::nullopt);
    }
}

// False: nobody is to take its place, and it is over like any other.
bool Supervisor::succeed(Worker& worker) {
    const std::string name = worker.settings().name;
    const auto successor = successors_.find(name);
    if (successor == successors_.end() || shutdown_) return false;
    const std::optional<config::WorkerSettings> settings = std::move(successor->second);
    successors_.erase(successor);
    std::erase(over_, &worker);
    known_over_.erase(&worker);
    withdrawn_.erase(&worker);
    asked_.erase(&worker);
    WorkerList::Workers left;
    for (const auto& each : workers_) {
        if (each.get() != &worker) {
            left.push_back(each);
            continue;
        }
        std::erase_if(departed_, [](const auto& gone) { return gone->is_gone(); });
        departed_.push_back(each);
    }
    worker.leave();
    arrange(std::move(left));
    if (terminal_of_ == name) terminal_of_.clear();
    parts_.groups.forget(name);  // with limits that hold no more
    if (settings) {
        std::shared_ptr<Worker> next = make_worker(*settings);
        next->take_over(worker.status(), "reload");
        admit(std::move(next));
    } else {
        parts_.events.record("worker", name, name + ": removed by a reload",
                             {{"state", "removed"}});
    }
    ask_to_leave();
    start_next_workers();
    return true;
}

}  // namespace pilotfish::daemon
