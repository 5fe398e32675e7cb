#include "daemon/upgrade.h"

#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>

#include "core/blocking.h"
#include "core/log.h"
#include "core/owned_fd.h"
#include "core/runtime.h"
#include "daemon/build.h"
#include "daemon/duration_text.h"
#include "daemon/handover_file.h"

namespace pilotfish::daemon {
namespace {

using std::chrono::milliseconds;

// What waits for a reader of our log should be written by then, before and in the pause; the rest
// is handed over.
constexpr milliseconds kFlushPatience{500};
constexpr milliseconds kHoldPatience{100};

void say(core::LogLevel level, const std::string& line) { core::log(level, "upgrade", line); }

std::int64_t ns_of(SteadyTime time) {
    return std::chrono::nanoseconds(time.time_since_epoch()).count();
}

// The child of a trial beside running workers: collected like them.
class Trial final : public ProcessListener {
  public:
    ExitStatus wait(const SpawnedProcess& child, milliseconds patience) {
        std::unique_lock lock(mutex_);
        const auto over = [this] { return end_.has_value(); };
        if (!changed_.wait_for(lock, patience, over)) {
            kill(child.pid, SIGKILL);
            changed_.wait(lock, over);
        }
        return *end_;
    }

  private:
    void process_ended(const ProcessEnd& end) override {
        const std::lock_guard lock(mutex_);
        end_ = end.status;
        changed_.notify_all();
    }
    void process_stopped(pid_t) override {}

    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<ExitStatus> end_;
};

// One that is not there any more is nowhere to go to; then we stay.
void go_to(const std::string& directory) {
    if (directory.empty() || chdir(directory.c_str()) != 0) return;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (std::string& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

}  // namespace

void Upgrade::tell(const core::Error& why) {
    say(core::LogLevel::warn, why.message);
    parts_.events.record("upgrade", "", why.message);
}

core::Result<void> Upgrade::refuse(core::Error why) {
    tell(why);
    return why;
}

core::Result<void> Upgrade::begin() {
    if (parts_.supervisor.shutting_down())
        return refuse({"cannot upgrade: the container is being stopped", 0});
    if (parts_.origin.binary.empty())
        return refuse({"cannot upgrade: /proc does not tell which program this is", 0});
    if (under_way_.exchange(true)) return refuse({"cannot upgrade: one is under way", 0});
    const auto tried = try_binary();
    if (!tried) {
        under_way_.store(false);
        return refuse(tried.error());
    }
    say(core::LogLevel::info, "upgrading to " + parts_.origin.binary);
    parts_.standard_output.flush(kFlushPatience);
    parts_.standard_error.flush(kFlushPatience);
    auto refusal = ask_supervisor();
    if (!refusal) return {};
    under_way_.store(false);
    return refuse(std::move(*refusal));
}

// Until it has looked whether all can come to a rest; what comes to nothing after that is told by
// failed().
std::optional<core::Error> Upgrade::ask_supervisor() {
    std::unique_lock lock(mutex_);
    has_agreed_ = false;
    refusal_.reset();
    parts_.supervisor.hand_over();
    const auto answered = [this] { return has_agreed_ || refusal_; };
    // One that has come to its end answers nobody.
    while (!answered_.wait_for(lock, milliseconds(100), answered)) {
        if (parts_.supervisor.shutting_down())
            return core::Error{"cannot upgrade: the container is being stopped", 0};
    }
    return refusal_;
}

void Upgrade::agreed() {
    const std::lock_guard lock(mutex_);
    has_agreed_ = true;
    answered_.notify_all();
}

void Upgrade::failed(const core::Error& why) {
    {
        const std::lock_guard lock(mutex_);
        if (!has_agreed_) {
            refusal_ = why;
            answered_.notify_all();
            return;
        }
    }
    // Whoever reads it may try again at once.
    under_way_.store(false);
    tell(why);
}

void Upgrade::begin_beside() {
    const auto beside = [](Upgrade& self) -> core::Task<void> {
        const auto begin = [&self] { return self.begin().ok(); };
        co_await core::blocking(begin);  // what there is to say of it was said
    };
    core::spawn(beside(*this), {.name = "upgrade"}).detach();
}

core::Result<void> Upgrade::try_binary() {
    Handover outline = parts_.supervisor.outline();
    outline.version = build_view().version;
    outline.pid = getpid();
    const auto file = write_handover_file(outline);
    if (!file) return file.error().within("cannot upgrade");
    const core::OwnedFd state(*file);
    Trial trial;
    ProcessTable& table = parts_.supervisor.process_table();
    return ask_binary(
        parts_.origin, TakeOverCheck::all, state.get(), parts_.signals,
        [&](const SpawnRequest& request) { return table.spawn(request, trial, 0); },
        [&](const SpawnedProcess& child, milliseconds patience) {
            return trial.wait(child, patience);
        });
}

core::Error Upgrade::jump(Handover& handover) {
    handover.version = build_view().version;
    handover.pid = getpid();
    handover.upgrades = parts_.upgrades + 1;
    for (const http::BoundListener& bound : parts_.server.listeners())
        handover.listeners.push_back({static_cast<int>(bound.kind), bound.asked, bound.fd});
    parts_.events.save(handover);
    Output& out = parts_.standard_output;
    Output& err = parts_.standard_error;
    core::Error failure{
        "cannot upgrade: a line of the log is half written, and its reader does not take the rest",
        0};
    if (auto unwritten_out = out.hold(kHoldPatience)) {
        handover.unwritten_out = std::move(*unwritten_out);
        if (auto unwritten_err = err.hold(kHoldPatience)) {
            handover.unwritten_err = std::move(*unwritten_err);
            failure = execute(handover);
            err.let_go();
        }
        out.let_go();
    }
    return failure;
}

core::Error Upgrade::execute(Handover& handover) {
    const auto file = write_handover_file(handover);
    if (!file) return file.error().within("cannot upgrade");
    const core::OwnedFd state(*file);
    const auto answer = ask_binary(
        parts_.origin, TakeOverCheck::state, state.get(), parts_.signals,
        [](const SpawnRequest& request) { return spawn(request); }, collect_alone);
    if (!answer) return answer.error();

    const Origin& origin = parts_.origin;
    std::vector<std::string> arguments = origin.arguments;
    std::vector<std::string> environment;
    for (char** variable = environ; *variable != nullptr; ++variable)
        environment.emplace_back(*variable);
    // The file's number in the next image: a descriptor of its own, that no exec closes.
    const int passed = dup(state.get());
    if (passed < 0) return core::system_error("upgrade: pass the state on", errno);
    environment.push_back(std::string(kTakeOverVariable) + "=" + std::to_string(passed));
    set_close_on_exec(handover, false);
    // Relative names in the settings are meant from where we were started.
    go_to(origin.directory);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // the mask is what the next image begins with
    execve(origin.binary.c_str(), pointers_to(arguments).data(), pointers_to(environment).data());
    const int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    go_to("/");
    set_close_on_exec(handover, true);
    close(passed);
    return core::system_error("upgrade to " + origin.binary + ", going on as before: execve",
                              error);
}

void Upgrade::greet(const Handover& handover, SteadyTime went_on, EventLog& events) {
    std::size_t running = 0;
    for (const WorkerHandover& worker : handover.workers) running += worker.run.pid > 0 ? 1 : 0;
    const auto pause = std::chrono::nanoseconds(ns_of(went_on) - handover.paused_ns);
    const std::string text = "upgraded in place from " + handover.version + " to " +
                             build_view().version + ": " + std::to_string(running) +
                             (running == 1 ? " process runs on" : " processes run on") +
                             ", the daemon paused for " + duration_text(pause);
    say(core::LogLevel::info, text);
    events.record("upgrade", "", text, {{"upgrades", std::to_string(handover.upgrades)}});
}

}  // namespace pilotfish::daemon
