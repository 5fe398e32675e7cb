#include "config/consistency.h"

#include <algorithm>

#include "config/consistency_health.h"
#include "config/consistency_life.h"
#include "config/consistency_log.h"
#include "config/in_quotes.h"
#include "config/setting_table.h"

namespace pilotfish::config {
namespace {

enum class Mark : std::uint8_t { unseen, open, done };

// Walks AFTER and NEEDS from each worker, depth first: finds a circle, and the time that stopping
// takes.
class OrderWalk {
  public:
    explicit OrderWalk(const Configuration& configuration)
        : workers_(configuration.workers),
          marks_(workers_.size(), Mark::unseen),
          longest_(workers_.size(), Duration::zero()) {}

    // The first circle as "a -> b -> a"; "" when there is none.
    std::string find_circle() {
        for (std::size_t at = 0; at < workers_.size(); ++at) {
            if (walk(at)) return circle_;
        }
        return {};
    }

    // Workers stop before those they come AFTER or NEED, so the timeouts along a chain add up.
    // Saturates. Requires: find_circle() found none.
    Duration longest_chain() const {
        return longest_.empty() ? Duration::zero()
                                : *std::max_element(longest_.begin(), longest_.end());
    }

  private:
    std::size_t index_of(const std::string& name) const {
        std::size_t at = 0;
        while (at < workers_.size() && workers_[at].settings.name != name) ++at;
        return at;
    }

    // True when a circle was found. As deep as the longest chain: bounded by the number of workers.
    bool walk(std::size_t at) {
        if (marks_[at] == Mark::done) return false;
        const WorkerSettings& worker = workers_[at].settings;
        path_.push_back(worker.name);
        if (marks_[at] == Mark::open) {
            const auto first = std::find(path_.begin(), path_.end(), worker.name);
            for (auto name = first; name != path_.end(); ++name) {
                circle_.append(name == first ? "" : " -> ").append(*name);
            }
            return true;
        }
        marks_[at] = Mark::open;
        Duration behind = Duration::zero();
        for (const Names* names : {&worker.after, &worker.needs}) {
            for (const std::string& name : *names) {
                const std::size_t next = index_of(name);
                if (next == workers_.size()) continue;  // unknown: told elsewhere
                if (walk(next)) return true;
                behind = std::max(behind, longest_[next]);
            }
        }
        const bool fits = behind <= Duration::max() - worker.stop_timeout;
        longest_[at] = fits ? behind + worker.stop_timeout : Duration::max();
        marks_[at] = Mark::done;
        path_.pop_back();
        return false;
    }

    const std::vector<WorkerConfiguration>& workers_;
    std::vector<Mark> marks_;
    std::vector<Duration> longest_;
    Names path_;
    std::string circle_;
};

void check_tokens(const Settings& settings, std::vector<std::string>& errors) {
    const auto check = [&errors](const Secret& token, const std::string& file,
                                 std::string_view name) {
        if (token.empty() || file.empty()) return;
        const std::string variable = std::string(kVariablePrefix) + std::string(name);
        errors.push_back("cannot use both " + variable + " and " + variable +
                         "_FILE: keep one of them");
    };
    check(settings.admin_token, settings.admin_token_file, "ADMIN_TOKEN");
    check(settings.read_token, settings.read_token_file, "READ_TOKEN");
}

void check_listeners(const Settings& settings, std::vector<std::string>& errors) {
    struct Named {
        const Listeners& listeners;
        std::string_view name;
    };
    const Named all[] = {{settings.admin_listen, "PILOTFISH_ADMIN_LISTEN"},
                         {settings.probe_listen, "PILOTFISH_PROBE_LISTEN"},
                         {settings.metrics_listen, "PILOTFISH_METRICS_LISTEN"}};
    for (const Named* one = std::begin(all); one != std::end(all); ++one) {
        for (const Named* other = one + 1; other != std::end(all); ++other) {
            for (const ListenAddress& address : one->listeners) {
                const auto& listeners = other->listeners;
                const bool shared =
                    std::find(listeners.begin(), listeners.end(), address) != listeners.end();
                if (!shared || (address.port == 0 && !address.is_unix())) continue;
                errors.push_back("cannot use " + format_listen_address(address) + " for both " +
                                 std::string(one->name) + " and " + std::string(other->name) +
                                 ": each needs an address of its own");
            }
        }
    }
}

Origin origin_of(const WorkerConfiguration& worker, std::string_view name) {
    const auto rows = worker_settings();
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [name](const auto& each) { return each.name == name; });
    return worker.origins[static_cast<std::size_t>(row - rows.begin())];
}

// What a process has of its own and a hosted task shares with the daemon. A setting that would do
// nothing is refused, as it was meant to do something.
void check_plugin(const WorkerConfiguration& worker, const std::string& prefix,
                  std::vector<std::string>& errors) {
    const WorkerSettings& settings = worker.settings;
    if (settings.plugin.empty()) {
        if (is_setting(origin_of(worker, "PLUGIN_ARGS")) &&
            !is_setting(origin_of(worker, "PLUGIN"))) {
            errors.push_back("cannot use " + prefix + "PLUGIN_ARGS: there is no " + prefix +
                             "PLUGIN that would get them");
        }
        return;
    }
    if (!settings.command.empty()) {
        const bool by_hand = origin_of(worker, "COMMAND") == Origin::command_line;
        errors.push_back("cannot use " + prefix + "PLUGIN=" + in_quotes(settings.plugin) + ": " +
                         (by_hand ? "the command line" : prefix + "COMMAND") + " gives " +
                         settings.name + " a command; keep one of them");
    }
    struct OfAProcess {
        std::string_view name;
        std::string_view why;
    };
    static constexpr std::string_view kSharesOurs =
        "it runs inside the daemon and shares its processors, memory and limits";
    static constexpr std::string_view kIsOurs = "it runs inside the daemon, and as the daemon does";
    static constexpr OfAProcess kOfAProcess[] = {
        {"CWD", "it runs inside the daemon, which has one directory"},
        {"STDIN", "it runs inside the daemon and has no standard input of its own"},
        {"ENV_", "it runs inside the daemon, which has one environment; use PLUGIN_ARGS"},
        {"USER", kIsOurs},
        {"GROUP", kIsOurs},
        {"UMASK", kIsOurs},
        {"ENVFILE", "it runs inside the daemon, which has one environment; use PLUGIN_ARGS"},
        {"NICE", kIsOurs},
        {"IO_PRIORITY", kIsOurs},
        {"CAPABILITIES", kIsOurs},
        {"NO_NEW_PRIVS", kIsOurs},
        {"PDEATHSIG", kIsOurs},
        {"PRE_START", "it runs inside the daemon; let the task do it"},
        {"POST_STOP", "it runs inside the daemon; let the task do it"},
        {"STOP_SIGNAL", "it gets no signal; its task is cancelled"},
        {"CPU", kSharesOurs},
        {"MEMORY", kSharesOurs},
        {"MEMORY_HIGH", kSharesOurs},
        {"MEMORY_WEIGHT", kSharesOurs},
        {"CPU_WEIGHT", kSharesOurs},
        {"PIDS", kSharesOurs},
        {"OOM_SCORE_ADJ", kSharesOurs},
        {"RLIMIT_", kSharesOurs},
        {"RIGHTSIZE", "it runs inside the daemon, which follows the limits by itself"}};
    for (const OfAProcess& setting : kOfAProcess) {
        if (!is_setting(origin_of(worker, setting.name))) continue;
        errors.push_back("cannot use " + prefix + std::string(setting.name) +
                         " with a plugin: " + std::string(setting.why));
    }
}

// Two places may name the group.
void check_identity(const WorkerSettings& settings, const std::string& prefix,
                    std::vector<std::string>& errors) {
    const std::string& in_user = settings.user.group;
    if (in_user.empty() || settings.group.group.empty() || in_user == settings.group.group) return;
    errors.push_back("cannot use " + prefix + "GROUP=" + in_quotes(format_group(settings.group)) +
                     ": " + prefix + "USER names the group " + in_quotes(in_user) +
                     "; keep one of them");
}

// A restart that RESTART=never forbids would be a surprise just when nobody looks; and a hosted
// task gets no signal.
void check_reactions(const WorkerConfiguration& worker, const std::string& prefix,
                     std::vector<std::string>& errors) {
    const WorkerSettings& settings = worker.settings;
    if (settings.on_memory.kind == Reaction::Kind::restart &&
        settings.restart == RestartPolicy::never) {
        errors.push_back(
            "cannot use " + prefix + "ON_MEMORY=restart: " + settings.name +
            " is never restarted by its RESTART" +
            (is_setting(origin_of(worker, "RESTART")) ? "" : ", which is never unless it is set") +
            "; set " + prefix + "RESTART to on-failure or always, or " + prefix +
            "ON_MEMORY to a signal");
    }
    if (settings.plugin.empty()) return;
    const auto check = [&](const Reaction& reaction, std::string_view name) {
        if (reaction.kind != Reaction::Kind::signal) return;
        errors.push_back("cannot use " + prefix + std::string(name) + "=" +
                         format_reaction(reaction) +
                         " with a plugin: it gets no signal; use restart or none");
    };
    check(settings.on_resize, "ON_RESIZE");
    check(settings.on_memory, "ON_MEMORY");
}

void check_worker(const WorkerConfiguration& worker, const Configuration& configuration,
                  bool needs_command, std::vector<std::string>& errors) {
    const WorkerSettings& settings = worker.settings;
    const std::string prefix = worker_variable_prefix(settings.name);
    if (needs_command && settings.command.empty() && settings.plugin.empty() &&
        // What was given and could not be read is a fault already told.
        !is_setting(origin_of(worker, "COMMAND")) && !is_setting(origin_of(worker, "PLUGIN"))) {
        errors.push_back("cannot run worker " + settings.name + ": it has no command; set " +
                         prefix + "COMMAND, or " + prefix + "PLUGIN");
    }
    check_plugin(worker, prefix, errors);
    check_identity(settings, prefix, errors);
    check_reactions(worker, prefix, errors);
    check_life(worker, configuration, errors);
    if (settings.restart_delay > settings.restart_max_delay) {
        errors.push_back("cannot use " + prefix + "RESTART_DELAY=" +
                         format_duration(settings.restart_delay) + ": it is above " + prefix +
                         "RESTART_MAX_DELAY (" + format_duration(settings.restart_max_delay) + ")");
    }
}

void check_stop_times(Configuration& configuration, Duration longest) {
    const Settings& settings = configuration.settings;
    const bool overflows = longest > Duration::max() - settings.drain_delay;
    if (!overflows && settings.drain_delay + longest <= settings.stop_timeout) return;
    std::string sentence = "the shutdown ends after PILOTFISH_STOP_TIMEOUT (" +
                           format_duration(settings.stop_timeout) + "), but stopping takes up to " +
                           format_duration(longest) +
                           " by the workers' STOP_TIMEOUT, AFTER and NEEDS";
    if (settings.drain_delay != Duration::zero()) {
        sentence.append(", after PILOTFISH_DRAIN_DELAY (");
        sentence.append(format_duration(settings.drain_delay)).append(")");
    }
    configuration.warnings.push_back(sentence + ": what is left then is killed");
}

// What was asked for and will not happen, or not as meant.
void check_memory_watch(Configuration& configuration) {
    const Settings& settings = configuration.settings;
    std::vector<std::string>& warnings = configuration.warnings;
    const bool never_looks = settings.limits_interval == Duration::zero();
    const bool no_soft_limit = settings.memory_limit.kind == MemoryLimitSetting::Kind::off;
    Names hosted;
    for (const WorkerConfiguration& worker : configuration.workers) {
        const WorkerSettings& of = worker.settings;
        const std::string prefix = worker_variable_prefix(of.name);
        const bool reacts = of.on_memory.kind != Reaction::Kind::none;
        if (reacts && !of.plugin.empty()) hosted.push_back(of.name);
        if (never_looks && (reacts || of.memory)) {
            warnings.push_back(
                "by PILOTFISH_LIMITS_INTERVAL=0 nobody looks at what workers hold: " + prefix +
                (reacts ? "ON_MEMORY" : "MEMORY") +
                (reacts ? " acts only when the kernel tells of memory pressure"
                        : " holds only where a cgroup caps it") +
                "; set PILOTFISH_LIMITS_INTERVAL to 1s, or leave it out");
        }
        if (no_soft_limit && reacts) {
            warnings.push_back(
                "by PILOTFISH_MEMLIMIT=off there is no soft limit to be near to: " + prefix +
                "ON_MEMORY acts " + (of.memory ? "only on " + prefix + "MEMORY" : "on nothing") +
                "; set PILOTFISH_MEMLIMIT to a share or a size, or leave it out");
        }
    }
    if (hosted.size() < 2) return;
    std::string names;
    for (const std::string& name : hosted) names.append(names.empty() ? "" : ", ").append(name);
    warnings.push_back("the memory of " + names +
                       " cannot be told apart, as they share the daemon's heap: ON_MEMORY may "
                       "restart one for what another holds; keep it for one of them");
}

}  // namespace

void check_consistency(Configuration& configuration, Action action,
                       std::vector<std::string>& errors) {
    const Settings& settings = configuration.settings;
    check_tokens(settings, errors);
    check_listeners(settings, errors);
    if (settings.maxprocs && *settings.maxprocs < settings.maxprocs_min) {
        errors.push_back("cannot use PILOTFISH_MAXPROCS=" + std::to_string(*settings.maxprocs) +
                         ": it is below PILOTFISH_MAXPROCS_MIN (" +
                         std::to_string(settings.maxprocs_min) + ")");
    }
    const bool runs = action == Action::run || action == Action::entrypoint;
    for (const WorkerConfiguration& worker : configuration.workers) {
        const bool needs_command = runs || worker.settings.name != "main";
        check_worker(worker, configuration, needs_command, errors);
        check_health(worker.settings, worker_variable_prefix(worker.settings.name), errors,
                     configuration.warnings);
    }
    check_logs(configuration, errors);
    OrderWalk walk(configuration);
    const std::string circle = walk.find_circle();
    if (!circle.empty()) {
        errors.push_back("cannot order the workers: AFTER and NEEDS go in a circle, " + circle);
        return;
    }
    check_stop_times(configuration, walk.longest_chain());
    check_memory_watch(configuration);
}

}  // namespace pilotfish::config
