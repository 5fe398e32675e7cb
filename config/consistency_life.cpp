#include "config/consistency_life.h"

#include "config/in_quotes.h"
#include "config/setting_table.h"
#include "config/unknown_name.h"

namespace pilotfish::config {
namespace {

class LifeCheck {
  public:
    LifeCheck(const WorkerConfiguration& worker, const Configuration& configuration,
              std::vector<std::string>& errors)
        : worker_(worker),
          settings_(worker.settings),
          configuration_(configuration),
          errors_(errors) {}

    void check() {
        check_schedule();
        check_restart();
        check_names(settings_.after, "AFTER");
        check_names(settings_.needs, "NEEDS");
        if (settings_.name == "main" && settings_.instances.count > 1) {
            refuse("INSTANCES", std::to_string(settings_.instances.count),
                   "main is one, whose end may be the container's; declare a worker of another "
                   "name for several");
        }
    }

  private:
    bool is_set(std::string_view name) const {
        const auto at = find_worker_setting(name) - worker_settings().data();
        return is_setting(worker_.origins[static_cast<std::size_t>(at)]);
    }

    std::string variable(std::string_view name) const {
        return worker_variable_prefix(settings_.name) + std::string(name);
    }

    void refuse(std::string_view name, const std::string& value, const std::string& why) {
        errors_.push_back("cannot use " + variable(name) + (value.empty() ? "" : "=" + value) +
                          ": " + why);
    }

    void check_schedule() {
        const bool is_cron = settings_.kind == WorkerKind::cron;
        if (settings_.schedule && !is_cron) {
            refuse("SCHEDULE", in_quotes(settings_.schedule->text),
                   "only a cron worker has one; set " + variable("KIND") + " to cron");
        }
        // What was given and could not be read is a fault already told.
        if (is_cron && !settings_.schedule && !is_set("SCHEDULE")) {
            errors_.push_back("cannot run worker " + settings_.name +
                              ": it is a cron worker and has no times; set " +
                              variable("SCHEDULE"));
        }
    }

    void check_restart() {
        const bool never = settings_.restart == RestartPolicy::never;
        if (settings_.kind == WorkerKind::cron && !never) {
            refuse("RESTART", {},
                   "runs of a cron worker are not restarted, the next one comes by its SCHEDULE; "
                   "leave it out");
        }
        if (settings_.kind == WorkerKind::oneshot && settings_.restart == RestartPolicy::always) {
            refuse("RESTART", "always",
                   "a oneshot that has ended well is done; use on-failure or never");
        }
        if (never && !settings_.restart_limit.is_off()) {
            refuse("RESTART_LIMIT", format_rate_limit(settings_.restart_limit),
                   settings_.name + " is never restarted by its RESTART; leave it out");
        }
    }

    void check_names(const Names& names, std::string_view setting) {
        for (const std::string& name : names) {
            const WorkerConfiguration* const other = configuration_.find_worker(name);
            if (other == nullptr) {
                refuse(setting, {},
                       "no worker " + name + " is declared; add it to PILOTFISH_WORKERS");
            } else if (other->settings.kind == WorkerKind::cron) {
                refuse(setting, {},
                       name +
                           " is a cron worker, which runs now and then and has no start that "
                           "others could wait for; make it a oneshot, or leave it out");
            }
        }
    }

    const WorkerConfiguration& worker_;
    const WorkerSettings& settings_;
    const Configuration& configuration_;
    std::vector<std::string>& errors_;
};

}  // namespace

void check_life(const WorkerConfiguration& worker, const Configuration& configuration,
                std::vector<std::string>& errors) {
    LifeCheck(worker, configuration, errors).check();
}

}  // namespace pilotfish::config
