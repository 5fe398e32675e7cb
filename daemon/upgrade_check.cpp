#include "daemon/upgrade_check.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "config/command_line.h"
#include "daemon/build.h"
#include "daemon/commands.h"
#include "daemon/handover_file.h"
#include "daemon/load_configuration.h"

namespace pilotfish::daemon {
namespace {

using std::chrono::milliseconds;

// To load and to parse takes milliseconds; a cold disk takes longer.
constexpr milliseconds kPatience{5000};
constexpr std::string_view kAnswer = "pilotfish takes over, release ";
constexpr std::string_view kCommand = "take-over";
constexpr std::string_view kOption = "--check";
constexpr std::string_view kStateOption = "--check-state";
// What a program may say for its refusal to be quoted.
constexpr std::size_t kMostSaid = 4096;

std::string last_line(std::string_view text) {
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    const std::size_t start = text.rfind('\n');
    return std::string(start == text.npos ? text : text.substr(start + 1));
}

// Until its end, or the deadline.
std::string read_answer(int fd, std::chrono::steady_clock::time_point deadline) {
    std::string said;
    char buffer[1024];
    for (;;) {
        const auto left =
            std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
        pollfd poller{fd, POLLIN, 0};
        const int ready = poll(&poller, 1, static_cast<int>(std::max<long>(0, left.count())));
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) return said;
        const ssize_t count = read(fd, buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return said;
        if (said.size() < kMostSaid) said.append(buffer, static_cast<std::size_t>(count));
    }
}

}  // namespace

Origin Origin::of_this_process(int argc, const char* const* argv) {
    Origin origin;
    char path[4096];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
    if (length > 0 && length < static_cast<ssize_t>(sizeof path)) {
        origin.binary.assign(path, static_cast<std::size_t>(length));
        // Replaced while we were being started.
        constexpr std::string_view kDeleted = " (deleted)";
        if (origin.binary.ends_with(kDeleted))
            origin.binary.resize(origin.binary.size() - kDeleted.size());
    }
    origin.arguments.assign(argv, argv + argc);
    if (char* const here = getcwd(nullptr, 0)) {
        origin.directory = here;
        free(here);
    }
    return origin;
}

ExitStatus collect_alone(const SpawnedProcess& child, milliseconds patience) {
    pollfd poller{child.pidfd, POLLIN, 0};
    int ready = 0;
    do {
        ready = poll(&poller, 1, static_cast<int>(patience.count()));
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) kill(child.pid, SIGKILL);
    siginfo_t info{};
    while (waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED) != 0 && errno == EINTR) {
    }
    return exit_status_of(info);
}

core::Result<void> ask_binary(const Origin& origin, TakeOverCheck check, int state_fd,
                              const SignalsAtStart& signals, const SpawnCheck& spawn,
                              const CollectCheck& collect) {
    const std::string what = "upgrade to " + origin.binary;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return core::system_error(what + ": make a pipe", errno);
    SpawnRequest request;
    request.command = {origin.binary, std::string(kCommand),
                       std::string(check == TakeOverCheck::all ? kOption : kStateOption)};
    request.command.insert(request.command.end(), origin.arguments.begin(), origin.arguments.end());
    for (char** variable = environ; *variable != nullptr; ++variable)
        request.environment.emplace_back(*variable);
    request.directory = origin.directory;
    request.stdin_fd = state_fd;
    request.stdout_fd = request.stderr_fd = ends[1];
    request.mask = signals.mask;
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    const SpawnResult child = spawn(request);
    close(ends[1]);
    if (!child.process) {
        close(ends[0]);
        return core::Error{"cannot " + what + ": " + child.error.error.message,
                           child.error.error.system_errno};
    }
    const std::string said = read_answer(ends[0], deadline);
    close(ends[0]);
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    const ExitStatus end = collect(*child.process, std::max(left, milliseconds(0)));
    close(child.process->pidfd);
    if (end.signal == 0 && end.code == 0 && said.starts_with(kAnswer)) return {};
    std::string why = last_line(said);
    if (end.signal == SIGKILL && std::chrono::steady_clock::now() >= deadline)
        why = "it did not answer within 5 s";
    if (why.empty()) why = "it " + sentence_of(end) + " and said nothing";
    return core::Error{"cannot " + what + ", going on as before: " + why, 0};
}

std::optional<int> answer_check(int argc, const char* const* argv, const SignalsAtStart& signals) {
    if (argc < 3 || argv[1] != kCommand) return std::nullopt;
    const bool of_state = argv[2] == kStateOption;
    if (!of_state && argv[2] != kOption) return std::nullopt;
    signals.give_back();
    const auto handover = read_handover_file(STDIN_FILENO);
    if (!handover) return refuse(handover.error().message);
    const auto invocation = config::parse_command_line(argc - 3, argv + 3);
    if (!invocation) return refuse(invocation.error().message);
    if (invocation->action != config::Action::entrypoint &&
        invocation->action != config::Action::run)
        return refuse("cannot take over: the arguments start no daemon");
    if (!of_state) {
        const auto configuration = load_configuration(*invocation);
        if (!configuration) return refuse(configuration.error().message);
    }
    dprintf(STDOUT_FILENO, "%s%s\n", kAnswer.data(), build_view().version.c_str());
    return 0;
}

}  // namespace pilotfish::daemon
