#include "daemon/process_run.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "core/pidfd.h"
#include "daemon/descendants.h"
#include "daemon/hook.h"

namespace pilotfish::daemon {
namespace {

// Only zombies are left of it, as far as /proc shows.
bool group_is_dead(pid_t group) {
    bool seen = false;
    for (const Descendant& process : descendants_of(getpid())) {
        if (process.group != group) continue;
        if (process.state != 'Z') return false;
        seen = true;
    }
    return seen;
}

bool group_exists(pid_t group) { return kill(-group, 0) == 0 || errno == EPERM; }

}  // namespace

ProcessRun::ProcessRun(const config::WorkerSettings& settings, const WorkerRole& role,
                       WorkerContext& context, WorkerLog& log, Health& health,
                       RunListener& listener)
    : settings_(settings),
      role_(role),
      context_(context),
      log_(log),
      health_(health),
      listener_(listener) {}

ProcessRun::~ProcessRun() {
    if (pidfd_ >= 0) close(pidfd_);
}

// A group that cannot be entered is no reason not to start: its worker made of it what no process
// may be in, or somebody took it away.
core::Task<SpawnResult> ProcessRun::spawn_in(SharedGroup& group, SpawnRequest& request) {
    const int signal_at_end = role_.ends_its_group ? SIGTERM : 0;
    for (bool first = true; group; first = false) {
        core::Result<cgroup::GroupDoors> doors = group->open_doors();
        core::Error failure;
        if (doors) {
            request.group = &*doors;
            SpawnResult result = co_await context_.processes().start(request, *this, signal_at_end);
            if (result.process || !result.error.of_group) co_return result;
            failure = result.error.error;
        } else {
            failure = doors.error();
        }
        request.group = nullptr;
        group = context_.group_instead(settings_, failure, first);
    }
    SpawnResult result = co_await context_.processes().start(request, *this, signal_at_end);
    co_return result;
}

// All of what it runs as; its streams and its health come later.
core::Result<SpawnRequest> ProcessRun::make_request() {
    auto prepared = prepare_identity(settings_);
    if (!prepared) return prepared.error();
    for (const std::string& warning : prepared->warnings)
        say_of_worker(settings_.name, core::LogLevel::warn, warning);
    SpawnRequest request;
    request.identity = std::move(prepared->identity);
    if (settings_.pids) request.pids_cap = settings_.pids->most;
    if (settings_.oom_score) request.oom_score_adj = settings_.oom_score->adjustment;
    request.resource_limits = settings_.resource_limits;
    request.command = settings_.command;
    request.environment = context_.environment_for(settings_, prepared->variables);
    request.directory = settings_.cwd.empty() ? role_.directory : settings_.cwd;
    request.stdin_fd =
        settings_.stdin_mode == config::StdinMode::inherit ? STDIN_FILENO : kNullDevice;
    request.inherit_descriptors = role_.inherit_descriptors;
    if (role_.terminal) request.foreground_tty = role_.terminal->fd();
    const SignalsAtStart& signals = context_.signals_at_start();
    request.mask = signals.mask;
    request.ignore_sigpipe = signals.sigpipe_ignored;
    request.ignore_sigchld = signals.sigchld_ignored;
    return request;
}

core::Task<SpawnResult> ProcessRun::spawn_it(SharedGroup& group) {
    SpawnResult result;
    auto made = make_request();
    if (!made) {
        result.error.error = made.error().within("cannot start " + settings_.name);
        co_return result;
    }
    SpawnRequest& request = *made;

    const std::string refusal = co_await before_start(request, result.error.exit_code);
    if (!refusal.empty()) {
        result.error.error = {"cannot start " + settings_.name + ": " + refusal};
        co_return result;
    }
    // Behind the hook, which is not to speak for the worker.
    const core::Result<void> watched = health_.prepare(request);
    if (!watched) {
        result.error.error = watched.error().within("cannot start " + settings_.name);
        co_return result;
    }
    escapees_.run_begins(request.environment);
    bool pipes_made = true;
    if (settings_.log == config::WorkerLog::none) {
        request.stdout_fd = request.stderr_fd = kNullDevice;
    } else if (settings_.log != config::WorkerLog::inherit) {
        pipes_made = log_.open_pipe(request.stdout_fd, OutputKind::standard_output) &&
                     log_.open_pipe(request.stderr_fd, OutputKind::standard_error);
    }
    if (pipes_made) {
        result = co_await spawn_in(group, request);
    } else {
        result.error.error =
            core::system_error("start " + settings_.name + ": make a pipe for its log", errno);
    }
    if (request.stdout_fd > 2) close(request.stdout_fd);
    if (request.stderr_fd > 2) close(request.stderr_fd);
    co_return result;
}

// Why there is to be no start; empty: nothing is in its way.
core::Task<std::string> ProcessRun::before_start(const SpawnRequest& request, int& exit_code) {
    std::string refusal;
    if (!settings_.post_stop.empty()) {
        const std::lock_guard lock(mutex_);
        post_stop_ = hook_process(request, settings_.post_stop);
    }
    if (settings_.pre_start.empty()) co_return refusal;
    CommandRequest hook;
    hook.process = hook_process(request, settings_.pre_start);
    hook.timeout = kPreStartTimeout;
    hook.grace = settings_.stop_timeout;
    {
        const std::lock_guard lock(mutex_);
        if (abandoned_) {
            exit_code = 128 + SIGTERM;  // as of a hook that is stopped
            refusal = "it was stopped before its PRE_START";
            co_return refusal;
        }
        pre_start_stop_ = std::stop_source();
        hook.stop = pre_start_stop_.get_token();
    }
    const CommandResult done =
        co_await run_hook(context_.processes(), log_, settings_.log, std::move(hook));
    if (done.ok()) co_return refusal;
    const int code = done.status.shell_code();
    exit_code = code != 0 ? code : 125;  // it ended well, but too late
    refusal = hook_failure("PRE_START", done);
    co_return refusal;
}

void ProcessRun::abandon_start() {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    pre_start_stop_.request_stop();
}

void ProcessRun::allow_start() {
    const std::lock_guard lock(mutex_);
    abandoned_ = false;
}

core::Task<void> ProcessRun::finish() {
    CommandRequest hook;
    {
        const std::lock_guard lock(mutex_);
        if (!post_stop_) co_return;
        hook.process = std::move(*post_stop_);
        post_stop_.reset();
        for (std::string& variable : exit_variables(end_reason_, end_status_))
            hook.process.environment.push_back(std::move(variable));
        post_stop_stop_ = std::stop_source();
        hook.stop = post_stop_stop_.get_token();
    }
    hook.timeout = settings_.stop_timeout;
    const CommandResult done =
        co_await run_hook(context_.processes(), log_, settings_.log, std::move(hook));
    if (!done.ok())
        say_of_worker(settings_.name, core::LogLevel::warn, hook_failure("POST_STOP", done));
}

core::Task<std::optional<RunEnd>> ProcessRun::start() {
    core::Permit turn;
    // A hook may take its time; it holds up nobody else.
    if (settings_.pre_start.empty()) turn = co_await context_.processes().turns().acquire();
    SharedGroup group = context_.group_for(settings_);
    const SpawnResult result = co_await spawn_it(group);
    const std::lock_guard lock(mutex_);
    was_started_ = true;
    child_group_ = std::move(group);
    if (!result.process) {
        if (role_.terminal) role_.terminal->take_back();
        RunEnd end;
        end.reason = EndReason::start_failed;
        end.status.code = result.error.exit_code;
        end.sentence = result.error.error.message;
        end_reason_ = end.reason;
        end_status_ = end.status;
        co_return end;
    }
    pid_ = group_ = result.process->pid;
    pidfd_ = result.process->pidfd;
    // Signals that came before there was anybody to take them.
    for (const ReceivedSignal& signal : held_signals_) forward_signal(pidfd_, signal);
    held_signals_.clear();
    co_return std::nullopt;
}

pid_t ProcessRun::pid() const {
    const std::lock_guard lock(mutex_);
    return pid_;
}

void ProcessRun::ask_to_stop(const ReceivedSignal& signal) {
    const std::lock_guard lock(mutex_);
    if (pidfd_ < 0) return;
    if (!forward_signal(pidfd_, signal)) {
        if (errno != EPERM) return;  // it is over, and its group's name may be another's
        say_of_worker(settings_.name, core::LogLevel::error,
                      "cannot be signalled: it runs as another user and we may not");
    }
    // Whoever is stopped (by a debugger, a terminal, SIGSTOP) would never see it. Without a look at
    // it, which one that is stopped a moment later would pass; the container's own command, which
    // may have plans of its own for SIGCONT, gets it only where it needs it.
    const auto process = role_.ends_its_group ? std::nullopt : read_process(pid_);
    if (role_.ends_its_group || (process && process->state == 'T')) kill(-group_, SIGCONT);
}

// The group, whoever of it left our tree, and the process itself wherever it went.
void ProcessRun::end_by_force() {
    const std::lock_guard lock(mutex_);
    pre_start_stop_.request_stop();
    post_stop_stop_.request_stop();
    if (group_ < 0) return;
    // Both: whom the worker moved into groups elsewhere only the tree knows, who left the tree only
    // the group.
    if (child_group_) child_group_->kill_all();
    kill_descendants(group_);
    kill(-group_, SIGKILL);
    if (pidfd_ >= 0) core::send_signal(pidfd_, SIGKILL);
}

bool ProcessRun::forward(const ReceivedSignal& signal) {
    const std::lock_guard lock(mutex_);
    if (signal.number == SIGCONT && role_.terminal && pidfd_ >= 0) {
        role_.terminal->continue_worker(pid_);
        return true;
    }
    if (pidfd_ >= 0) return forward_signal(pidfd_, signal);
    // Between two runs there is nobody it was meant for, and the next one has no handler yet.
    if (was_started_) return false;
    held_signals_.push_back(signal);
    return true;
}

void ProcessRun::suspend_with_it() {
    if (role_.terminal) role_.terminal->stop_with_worker(pid());
}

void ProcessRun::over(EndReason reason) {
    if (role_.terminal) role_.terminal->take_back();
    {
        const std::lock_guard lock(mutex_);
        end_reason_ = reason;
        pid_ = -1;
        if (pidfd_ >= 0) close(pidfd_);
        pidfd_ = -1;
        // Its process group was told when it ended. Who left that, by setsid and a double fork, is
        // told now.
        if (!role_.ends_its_group) return;
        if (child_group_) {
            if (!child_group_->populated()) return;
            child_group_->signal_all(SIGTERM, group_);
            child_group_->signal_all(SIGCONT, group_);
            return;
        }
    }
    escapees_.tell(context_.processes());
}

bool ProcessRun::has_leftovers(bool closely) {
    bool may_have_escapees = false;
    {
        const std::lock_guard lock(mutex_);
        if (group_ < 0 || !role_.ends_its_group) return false;
        if (child_group_ && child_group_->populated()) return true;
        // A zombie whose parent does not reap it keeps the group's name, and holds up nobody.
        if (group_exists(group_) && !(closely && group_is_dead(group_))) return true;
        may_have_escapees = !child_group_;
    }
    // Who became an orphan since is told, too.
    if (may_have_escapees && escapees_.tell(context_.processes())) return true;
    const std::lock_guard lock(mutex_);
    group_ = -1;
    return false;
}

void ProcessRun::end_leftovers_by_force() {
    end_by_force();
    bool may_have_escapees = false;
    {
        const std::lock_guard lock(mutex_);
        may_have_escapees = group_ >= 0 && !child_group_;
    }
    if (may_have_escapees) escapees_.kill(context_.processes());
    const std::lock_guard lock(mutex_);
    group_ = -1;
}

std::vector<cgroup::GroupPlace> ProcessRun::group_places() const {
    const std::lock_guard lock(mutex_);
    return child_group_ ? child_group_->places() : std::vector<cgroup::GroupPlace>();
}

void ProcessRun::process_ended(const ProcessEnd& end) {
    RunEnd run;
    run.reason = end.status.signal != 0 ? EndReason::signalled : EndReason::exited;
    run.status = end.status;
    run.sentence = sentence_of(end.status);
    run.cpu_ns = end.cpu_ns;
    {
        const std::lock_guard lock(mutex_);
        end_status_ = end.status;
    }
    listener_.run_ended(std::move(run));
}

void ProcessRun::process_stopped(pid_t) {
    if (role_.terminal) listener_.run_suspended();
}

}  // namespace pilotfish::daemon
