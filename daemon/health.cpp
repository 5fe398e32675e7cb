#include "daemon/health.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "core/check.h"
#include "daemon/worker_run.h"

namespace pilotfish::daemon {
namespace {

bool asks_anything(const config::WorkerSettings& settings) {
    return (settings.ready.kind != config::ReadySetting::Kind::none && settings.plugin.empty()) ||
           settings.liveness.probe || settings.watchdog != core::Duration::zero();
}

Check check_of(const HealthTrouble& trouble) {
    if (trouble.reason == "liveness") return Check::liveness;
    return trouble.reason == "watchdog" ? Check::watchdog : Check::ready;
}

// The end of it, a line each.
std::vector<std::string> last_lines(std::string_view output) {
    constexpr std::size_t kMostLines = 10;
    std::vector<std::string> lines;
    while (!output.empty()) {
        const std::size_t end = std::min(output.find('\n'), output.size());
        std::string line = printable(output.substr(0, end), 240);
        output.remove_prefix(std::min(end + 1, output.size()));
        if (!line.empty()) lines.push_back(std::move(line));
    }
    if (lines.size() > kMostLines)
        lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(kMostLines));
    return lines;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
    return text;
}

}  // namespace

Health::Health(const config::WorkerSettings& settings, WorkerContext& context, WorkerLog& log,
               HealthListener& owner)
    : settings_(settings),
      context_(context),
      log_(log),
      owner_(owner),
      board_(asks_anything(settings) ? std::make_unique<HealthBoard>() : nullptr) {
    if (settings.ready.kind != config::ReadySetting::Kind::log_line) return;
    std::string why;
    PF_CHECK(config::LinePattern::parse(settings.ready.pattern, ready_pattern_, why),
             "the pattern of READY=log was not checked: " + why);
}

Health::~Health() = default;

void Health::make_run() {
    board_->begin_run();
    const HealthParts parts{settings_, ready_pattern_, *board_, *this, context_.processes()};
    run_ = std::make_unique<HealthRun>(parts);
}

core::Result<void> Health::prepare(SpawnRequest& request) {
    if (!board_) return {};
    make_run();
    const core::Result<void> prepared = run_->prepare(request);
    if (!prepared) return prepared.error();
    if (const auto watch = run_->line_watch()) log_.tap_with([watch] { return watch->make_tap(); });
    return {};
}

void Health::begin(pid_t pid) {
    if (!board_) return;
    if (!settings_.plugin.empty()) {
        make_run();
        // The commands that ask a hosted task run as the daemon does.
        SpawnRequest request;
        request.environment = context_.environment_for(settings_, {});
        const SignalsAtStart& signals = context_.signals_at_start();
        request.mask = signals.mask;
        request.ignore_sigpipe = signals.sigpipe_ignored;
        request.ignore_sigchld = signals.sigchld_ignored;
        const core::Result<void> prepared = run_->prepare(request);
        PF_CHECK(prepared.ok(), "a hosted task's health needs nothing that could fail");
    }
    run_->begin(pid);
}

void Health::note_ready() {
    if (run_) run_->note_ready();
}

void Health::stopping(int signal) {
    if (!run_) return;
    run_->stopping();
    run_->signal_main(signal);
}

core::Task<void> Health::end() {
    if (!run_) co_return;
    co_await run_->end();
    run_.reset();
}

void Health::health_trouble(HealthTrouble trouble, std::vector<std::string> evidence) {
    const auto check = static_cast<std::size_t>(check_of(trouble));
    const std::vector<std::string> output = last_lines(board_->read().checks[check].last.output);
    say_of_worker(settings_.name, core::LogLevel::warn, trouble.sentence + ": ending it");
    for (const std::string& line : output)
        say_of_worker(settings_.name, core::LogLevel::warn, "was answered: " + line);
    for (const std::string& line : evidence)
        say_of_worker(settings_.name, core::LogLevel::warn, "was seen: " + line);
    context_.worker_event(
        "unhealthy", settings_.name, settings_.name + " " + trouble.sentence,
        {{"reason", trouble.reason}, {"output", joined(output)}, {"evidence", joined(evidence)}});
    owner_.health_trouble(std::move(trouble), {});
}

}  // namespace pilotfish::daemon
