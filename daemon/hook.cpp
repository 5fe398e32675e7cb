#include "daemon/hook.h"

#include <memory>

namespace pilotfish::daemon {

SpawnRequest hook_process(const SpawnRequest& worker, const config::Command& command) {
    SpawnRequest hook = worker;
    hook.command = command;
    hook.stdin_fd = kNullDevice;
    hook.descriptors.clear();
    hook.inherit_descriptors = false;
    hook.foreground_tty.reset();
    hook.group = nullptr;
    return hook;
}

std::vector<std::string> exit_variables(EndReason reason, const ExitStatus& status) {
    std::vector<std::string> variables = {
        "PILOTFISH_EXIT_REASON=" + std::string(name_of(reason)),
        "PILOTFISH_EXIT_CODE=" + std::to_string(status.shell_code())};
    if (status.signal != 0)
        variables.push_back("PILOTFISH_EXIT_SIGNAL=" + signal_name(status.signal));
    return variables;
}

core::Task<CommandResult> run_hook(ProcessTable& processes, WorkerLog& log, config::WorkerLog mode,
                                   CommandRequest request) {
    std::shared_ptr<LogStream> output;
    std::shared_ptr<LogStream> errors;
    if (mode != config::WorkerLog::none) {
        output = log.open_stream(OutputKind::standard_output);
        errors = log.open_stream(OutputKind::standard_error);
        request.output = [output, errors](bool is_error, std::string_view bytes) {
            (is_error ? errors : output)->feed(bytes);
        };
    }
    CommandResult result = co_await run_command(processes, std::move(request));
    if (output) log.close(output);
    if (errors) log.close(errors);
    co_return result;
}

std::string hook_failure(std::string_view name, const CommandResult& result) {
    std::string text = "its " + std::string(name) + " ";
    text += result.kind == CommandResult::Kind::not_started ? "did not run: " + result.sentence
                                                            : result.sentence;
    const std::string last = result.last_line();
    return last.empty() ? text : text + "; it said: " + last;
}

}  // namespace pilotfish::daemon
