#include "config/consistency_log.h"

#include "config/in_quotes.h"
#include "config/instances.h"
#include "config/log_path.h"
#include "config/setting_table.h"

namespace pilotfish::config {
namespace {

void check_shared_files(const Configuration& configuration, std::vector<std::string>& errors) {
    const auto& workers = configuration.workers;
    for (std::size_t at = 0; at < workers.size(); ++at) {
        const WorkerSettings& one = workers[at].settings;
        if (one.log != WorkerLog::file) continue;
        for (std::size_t later = at + 1; later < workers.size(); ++later) {
            const WorkerSettings& other = workers[later].settings;
            if (other.log != WorkerLog::file) continue;
            const std::string path = log_path(one);
            if (!log_paths_collide(path, log_path(other))) continue;
            const bool instances = declared_name(one) == declared_name(other);
            errors.push_back("cannot use " + worker_variable_prefix(declared_name(other)) +
                             "LOG=file:" + in_quotes(other.log_file) + ": " + one.name +
                             " writes to " + path +
                             (instances ? " too; put {instance} into the path"
                                        : " too, or renames it; each worker needs a file of its "
                                          "own"));
            // One instance's fault is every instance's: once is enough.
            if (instances) break;
        }
    }
}

}  // namespace

// A value that is the default's does no harm: `check` prints all of them, and they read back.
void check_logs(const Configuration& configuration, std::vector<std::string>& errors) {
    const WorkerSettings defaults;
    for (const WorkerConfiguration& worker : configuration.workers) {
        const WorkerSettings& settings = worker.settings;
        const std::string prefix = worker_variable_prefix(declared_name(settings));
        const auto refuse_without_file = [&](std::string_view name) {
            errors.push_back("cannot use " + prefix + std::string(name) + ": only with " + prefix +
                             "LOG=file:PATH is there a file");
        };
        if (settings.log != WorkerLog::file) {
            if (settings.log_max_size != defaults.log_max_size) refuse_without_file("LOG_MAX_SIZE");
            if (settings.log_max_files != defaults.log_max_files)
                refuse_without_file("LOG_MAX_FILES");
        }
        const bool captured = settings.log != WorkerLog::inherit && settings.log != WorkerLog::none;
        const Bytes ring = settings.log_ring;
        if (captured || ring == defaults.log_ring || ring.count == 0) continue;
        errors.push_back("cannot use " + prefix + "LOG_RING: with " + prefix +
                         "LOG=" + (settings.log == WorkerLog::none ? "none" : "inherit") +
                         " we never see the output; use tee, prefix, json or file:PATH");
    }
    check_shared_files(configuration, errors);
}

}  // namespace pilotfish::config
