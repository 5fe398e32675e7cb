// A run is a small coroutine of ours around the plugin's: it turns whatever leaves the plugin's,
// a number, an exception, a cancellation, into the end of the run. The context reports one end
// only: either the task's own or, when it does not stop, ours on its behalf. Whatever the task does
// afterwards reaches nobody.
//
// A context is never freed: what a run leaves behind may hold it for ever, in a task, a thread or a
// callback of the plugin's, and who holds it cannot be known. Once nobody listens it is closed: its
// streams are given up, and log() does nothing. What stays is about 250 bytes a run.
//
// What it spawned carries the labels "worker" and "run", as all children inherit them. So the tasks
// that a run leaves behind are found as the group of a process is: they hear of the end by the stop
// token, have the worker's STOP_TIMEOUT to follow, and are named in the log when they do not.
#include "daemon/hosted_run.h"

#include <cxxabi.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <typeinfo>
#include <utility>

#include "core/blocking.h"
#include "core/demangle.h"
#include "core/runtime.h"
#include "core/stack_dump.h"

namespace pilotfish::daemon {

class HostedContext final : public core::PluginContext {
  public:
    // Stays until the process ends, reachable, so that nobody takes it for a leak. The worker,
    // whose settings and log it borrows, does so, too.
    static HostedContext* make(const config::WorkerSettings& settings, WorkerLog& log,
                               RunListener& listener) {
        static std::atomic<HostedContext*> newest{nullptr};
        auto* const context = new HostedContext(settings, log, listener);
        context->older_ = newest.load(std::memory_order_relaxed);
        while (!newest.compare_exchange_weak(context->older_, context)) {
        }
        return context;
    }
    HostedContext(const config::WorkerSettings& settings, WorkerLog& log, RunListener& listener)
        : settings_(settings), log_(log), listener_(&listener) {
        if (settings.log == config::WorkerLog::none) return;
        output_ = log.open_stream(OutputKind::standard_output);
        errors_ = log.open_stream(OutputKind::standard_error);
    }
    HostedContext(const HostedContext&) = delete;
    HostedContext& operator=(const HostedContext&) = delete;

    std::string_view worker() const noexcept override { return settings_.name; }
    int instance() const noexcept override { return settings_.instance; }
    std::span<const std::string> args() const noexcept override { return settings_.plugin_args; }
    std::stop_token stop_token() const noexcept override { return stop_.get_token(); }

    void ready() noexcept override {
        const std::lock_guard lock(mutex_);
        if (listener_ != nullptr && !std::exchange(is_ready_, true)) listener_->run_ready();
    }

    void log(core::LogLevel level, std::string_view line) noexcept override {
        if (level == core::LogLevel::off || !core::log_enabled(level)) return;
        const bool is_error = level == core::LogLevel::warn || level == core::LogLevel::error;
        try {
            std::string whole(line);
            if (!whole.ends_with('\n')) whole.push_back('\n');
            const std::lock_guard lock(log_mutex_);
            const auto& stream = is_error ? errors_ : output_;
            if (stream) stream->feed(whole);
        } catch (const std::bad_alloc&) {
            // A line that memory does not suffice for is lost, as one that finds no room is.
        }
    }

    void request_stop() { stop_.request_stop(); }

    // From here on its lines reach nobody.
    void close() {
        const std::lock_guard lock(log_mutex_);
        for (auto* const stream : {&output_, &errors_}) {
            if (*stream) log_.close(*stream);
            stream->reset();
        }
    }

    // The one end that counts is the first. False: it was told already.
    bool report(RunEnd end) {
        const std::lock_guard lock(mutex_);
        if (listener_ == nullptr) return false;
        std::exchange(listener_, nullptr)->run_ended(std::move(end));
        return true;
    }

  private:
    const config::WorkerSettings& settings_;
    WorkerLog& log_;
    std::stop_source stop_;
    std::mutex log_mutex_;               // over both streams
    std::shared_ptr<LogStream> output_;  // nullptr: LOG=none, or closed
    std::shared_ptr<LogStream> errors_;
    std::mutex mutex_;
    RunListener* listener_;  // nullptr: its end was reported
    bool is_ready_ = false;
    HostedContext* older_ = nullptr;  // of all that were made
};

namespace {

RunEnd returned(int code) {
    RunEnd end;
    const bool fits = code >= 0 && code <= 255;
    end.status.code = fits ? code : 255;
    end.sentence =
        fits ? sentence_of(end.status)
             : "returned " + std::to_string(code) + ", which is no exit code and counts as 255";
    return end;
}

RunEnd threw(const std::string& what) {
    RunEnd end;
    end.reason = EndReason::threw;
    end.status.code = 1;
    end.sentence = "threw " + what;
    return end;
}

RunEnd unwound(std::string sentence) {
    RunEnd end;
    end.sentence = std::move(sentence);
    return end;
}

core::Task<void> host(HostedContext* context, core::Task<int> (*run)(core::PluginContext&)) {
    RunEnd end;
    try {
        core::Task<int> task = run(*context);
        if (task) {
            const int code = co_await task;
            end = returned(code);
        } else {
            end = threw("nothing, but returned a task that is empty");
        }
    } catch (const core::Cancelled&) {
        end = unwound("was cancelled");
    } catch (const core::GoExit&) {
        end = unwound("called goexit()");
    } catch (const std::exception& error) {
        end = threw(core::demangled(typeid(error).name()) + ": " + error.what());
    } catch (...) {
        const std::type_info* const type = abi::__cxa_current_exception_type();
        end = threw(type != nullptr ? "a value of the type " + core::demangled(type->name())
                                    : "something");
    }
    context->report(std::move(end));
}

// Of all workers together: one that comes in the place of another of its name by a reload must not
// take what that one left behind for its own.
std::string next_run_number() {
    static std::atomic<std::uint64_t> last{0};
    return std::to_string(last.fetch_add(1, std::memory_order_relaxed) + 1);
}

// Visits the tasks that belong to a run.
template <class Visit>
void for_each_task_of(const std::string& worker, const std::string& run, Visit visit) {
    core::for_each_task([&](const core::TaskInfo& task) {
        if (!task.tags) return true;
        bool of_worker = false;
        bool of_run = false;
        for (const auto& [key, value] : task.tags->labels) {
            of_worker = of_worker || (key == "worker" && value == worker);
            of_run = of_run || (key == "run" && value == run);
        }
        return of_worker && of_run ? visit(task) : true;
    });
}

// Where the tasks of a run wait, line by line, as it stands in a dump of all. Returns how many
// there are.
std::uint64_t say_stacks(const std::string& worker, const std::string& run) {
    constexpr std::uint64_t kMostShown = 16;  // chosen: more would drown the reason
    std::uint64_t count = 0;
    std::string text;
    for_each_task_of(worker, run, [&](const core::TaskInfo& task) {
        if (++count <= kMostShown) core::append_stack(text, task);
        return true;
    });
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        if (end > at)
            core::log(core::LogLevel::warn, "daemon",
                      worker + " left behind: " + text.substr(at, end - at));
        at = end + 1;
    }
    return count;
}

}  // namespace

HostedRun::HostedRun(const config::WorkerSettings& settings, WorkerLog& log, RunListener& listener)
    : settings_(settings), log_(log), listener_(listener) {}

HostedRun::~HostedRun() = default;

core::Task<std::optional<RunEnd>> HostedRun::start() {
    if (!plugin_) {
        const std::string& path = settings_.plugin;
        PluginLoad load = co_await core::blocking([&path] { return load_plugin(path); });
        if (!load.plugin) {
            RunEnd end;
            end.reason = EndReason::start_failed;
            end.status.code = load.refusal.exit_code;
            end.sentence = load.refusal.error.message;
            co_return end;
        }
        plugin_ = std::move(load.plugin);
    }
    HostedContext* const context = HostedContext::make(settings_, log_, listener_);
    const std::lock_guard lock(mutex_);
    run_number_ = next_run_number();
    context_ = context;
    core::SpawnOptions options;
    options.name = settings_.name;
    const std::initializer_list<core::LabelView> labels = {{"worker", settings_.name},
                                                           {"run", run_number_}};
    options.labels = labels;
    task_ = core::spawn(host(context, plugin_->run), options);
    co_return std::nullopt;
}

void HostedRun::ask_to_stop(const ReceivedSignal&) {
    HostedContext* context = nullptr;
    {
        const std::lock_guard lock(mutex_);
        context = context_;
        if (task_) task_.cancel();
    }
    // Outside of the lock: callbacks of the plugin run in it.
    if (context) context->request_stop();
}

void HostedRun::end_by_force() {
    HostedContext* context = nullptr;
    std::string run;
    {
        const std::lock_guard lock(mutex_);
        context = context_;
        run = run_number_;
    }
    if (!context) return;
    RunEnd end;
    end.reason = EndReason::left_behind;
    end.status.code = 128 + SIGKILL;  // what a process would have that had to be killed
    end.sentence = "was left behind";
    if (context->report(std::move(end))) say_stacks(settings_.name, run);
}

void HostedRun::over(EndReason reason) {
    HostedContext* context = nullptr;
    {
        const std::lock_guard lock(mutex_);
        task_.detach();
        context = context_;
        // Its tasks were named already, and nobody waits for them any more.
        if (reason == EndReason::left_behind) context_ = nullptr;
    }
    if (!context) return;
    context->request_stop();
    if (reason == EndReason::left_behind) context->close();
}

bool HostedRun::has_leftovers(bool) {
    const std::lock_guard lock(mutex_);
    if (!context_) return false;
    bool any = false;
    for_each_task_of(settings_.name, run_number_, [&any](const core::TaskInfo&) {
        any = true;
        return false;
    });
    if (!any) std::exchange(context_, nullptr)->close();
    return any;
}

void HostedRun::end_leftovers_by_force() {
    say_stacks(settings_.name, run_number_);
    const std::lock_guard lock(mutex_);
    std::exchange(context_, nullptr)->close();
}

}  // namespace pilotfish::daemon
