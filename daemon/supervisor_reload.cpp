// Workers that come and go while the others run. Whoever has other settings now is asked to end;
// when it is over another one takes its place, at once and without back-off, as nothing has failed.
// Its followers are not stopped: they have seen it restart before. The shutdown knows nothing of
// all this: once it has begun nobody comes any more, and who was leaving ends as all do.
#include <algorithm>
#include <string_view>

#include "core/runtime.h"
#include "daemon/supervisor.h"

namespace pilotfish::daemon {
namespace {

// Its own: of a configuration only the parts that somebody still goes by are kept.
SharedSettings shared(config::WorkerSettings settings) {
    return std::make_shared<const config::WorkerSettings>(std::move(settings));
}

core::Task<void> life_of(std::shared_ptr<Worker> worker) { co_await worker->live(); }

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
    for (WorkerChanges& changes : all) take(std::move(changes));
    ask_to_leave();
    start_next_workers();
}

// Each list of changes by itself: the next one may be about those who come with this one.
void Supervisor::take(WorkerChanges changes) {
    listing_.clear();
    for (std::string& name : changes.order) listing_.emplace(std::move(name), listing_.size());
    for (const std::string& name : changes.leave) successors_[name] = std::nullopt;
    std::unordered_set<std::string> known;
    for (const auto& worker : workers_) known.insert(worker->settings().name);
    WorkerList::Workers newcomers;
    for (config::WorkerSettings& settings : changes.come) {
        if (known.contains(settings.name)) {
            const std::string name = settings.name;
            successors_[name] = std::move(settings);
        } else {
            newcomers.push_back(make_worker(shared(std::move(settings))));
        }
    }
    give_another_turn();
    WorkerList::Workers all = newcomers;
    for (const auto& worker : workers_) {
        // Who is over already has nothing to end first.
        const bool goes = leaves(*worker) && known_over_.contains(worker.get());
        const std::shared_ptr<Worker> next = goes ? take_its_leave(worker) : worker;
        if (next != nullptr) all.push_back(next);
        if (next != nullptr && goes) newcomers.push_back(next);
    }
    // Who is not leaving may have got another place.
    arrange(all);
    for (const auto& worker : newcomers) begin_life(worker);
}

// Who failed only because a need was lost waits again when that need gets other settings, and so
// does who needed that one.
void Supervisor::give_another_turn() {
    std::unordered_set<std::string> hopes;
    for (const auto& [name, settings] : successors_)
        if (settings) hopes.insert(name);
    for (std::size_t before = 0; before != hopes.size();) {
        before = hopes.size();
        for (auto at = in_vain_.begin(); at != in_vain_.end();) {
            const auto place = places_.find(at->first);
            if (place == places_.end() || !hopes.contains(at->second)) {
                ++at;
                continue;
            }
            Worker& worker = *workers_[place->second];
            hopes.insert(worker.settings().name);
            // Its own successor waits anyway.
            if (!leaves(worker)) worker.start();
            at = in_vain_.erase(at);
        }
    }
}

// In the configuration's order; who is about to leave for good stays behind the others.
void Supervisor::arrange(const WorkerList::Workers& workers) {
    using Placed = std::pair<std::size_t, std::size_t>;  // in the order, and in workers
    std::vector<Placed> places;
    for (const auto& worker : workers) {
        const auto listed = listing_.find(worker->settings().name);
        places.emplace_back(listed == listing_.end() ? listing_.size() : listed->second,
                            places.size());
    }
    std::sort(places.begin(), places.end());
    WorkerList::Workers arranged;
    arranged.reserve(workers.size());
    for (const auto& [place, at] : places) arranged.push_back(workers[at]);
    publish(WorkerList(std::move(arranged)));
    take_order();
}

// The task holds the worker, which may have left by the time that its last step is done.
void Supervisor::begin_life(const std::shared_ptr<Worker>& worker) {
    core::spawn(life_of(worker), {.name = worker->settings().name}).detach();
}

bool Supervisor::leaves(const Worker& worker) const {
    return successors_.contains(worker.settings().name);
}

// Its successor counts in its stead, which has not begun: whoever waits for it must not be let go
// by what the old one has been.
bool Supervisor::is_succeeded(const Worker& worker) const {
    const auto successor = successors_.find(worker.settings().name);
    return !shutdown_ && successor != successors_.end() && successor->second;
}

// As in a shutdown: a worker is asked once those of them that come AFTER it or NEED it are over.
void Supervisor::ask_to_leave() {
    if (successors_.empty()) return;
    std::unordered_set<std::string_view> needed;  // by who leaves and is up
    for (const auto& worker : workers_) {
        if (!leaves(*worker) || is_over(worker->state())) continue;
        const config::WorkerSettings& settings = worker->settings();
        needed.insert(settings.after.begin(), settings.after.end());
        needed.insert(settings.needs.begin(), settings.needs.end());
    }
    for (const auto& worker : workers_) {
        if (leaves(*worker) && !needed.contains(config::declared_name(worker->settings())))
            ask(*worker);
    }
}

// False: nobody is to take its place, and it is over like any other.
bool Supervisor::succeed(Worker& worker) {
    if (shutdown_ || !leaves(worker)) return false;
    WorkerList::Workers all(workers_.begin(), workers_.end());
    const auto place = all.begin() + static_cast<std::ptrdiff_t>(places_.at(&worker));
    const std::shared_ptr<Worker> next = take_its_leave(*place);
    if (next != nullptr) {
        *place = next;
    } else {
        all.erase(place);
    }
    arrange(all);
    if (next != nullptr) begin_life(next);
    ask_to_leave();
    start_next_workers();
    return true;
}

// Who comes in its place; nullptr: nobody. Requires: it is over, and leaves.
std::shared_ptr<Worker> Supervisor::take_its_leave(const std::shared_ptr<Worker>& worker) {
    const std::string& name = worker->settings().name;
    const auto successor = successors_.extract(name);
    const Worker* const key = worker.get();
    std::erase(over_, key);
    known_over_.erase(key);
    withdrawn_.erase(key);
    asked_.erase(key);
    in_vain_.erase(key);
    std::erase_if(departed_, [](const auto& gone) { return gone->is_gone(); });
    departed_.push_back(worker);
    worker->leave();
    if (terminal_of_ == name) terminal_of_.clear();
    parts_.groups.forget(name);  // with limits that hold no more
    if (!successor.mapped()) {
        parts_.events.record("worker", name, name + ": removed by a reload",
                             {{"state", "removed"}});
        return nullptr;
    }
    std::shared_ptr<Worker> next = make_worker(shared(std::move(*successor.mapped())));
    next->take_over(worker->status(), "reload");
    return next;
}

}  // namespace pilotfish::daemon
