#include <array>

#include "config/log_path.h"
#include "config/setting_row_of.h"
#include "config/worker_settings.h"

namespace pilotfish::config {
namespace {

constexpr std::string_view kFilePrefix = "file:";
constexpr std::int64_t kMostFiles = 1000;

bool read_log(std::string_view text, std::string_view, WorkerSettings& worker, std::string& why) {
    if (!text.starts_with(kFilePrefix)) return read_field(text, worker.log, why);
    const std::string_view path = text.substr(kFilePrefix.size());
    if (const std::string_view objection = objection_to_log_path(path); !objection.empty()) {
        why = objection;
        return false;
    }
    worker.log = WorkerLog::file;
    worker.log_file = path;
    return true;
}

std::string show_log(const WorkerSettings& worker) {
    if (worker.log != WorkerLog::file) return show_field(worker.log);
    return std::string(kFilePrefix) + worker.log_file;
}

bool read_max_files(std::string_view text, std::string_view, WorkerSettings& worker,
                    std::string& why) {
    std::int64_t number = 0;
    if (!parse_whole(text, 0, kMostFiles, number, why)) return false;
    worker.log_max_files = static_cast<int>(number);
    return true;
}

// Each rotation renames every file that is kept: once a page is often enough.
std::string_view not_tiny(const Bytes& size) {
    return size.count != 0 && size.count < 4096 ? "is below 4Ki" : "";
}

// Below, a line of the greatest length would leave no room for its neighbours; above, a look at it
// would hold the worker's output up.
std::string_view fit_for_a_ring(const Bytes& size) {
    if (size.count != 0 && size.count < (16u << 10)) return "is below 16Ki";
    return size.count > (64u << 20) ? "is above 64Mi" : "";
}

constexpr std::string_view kLog = "Log of the worker";

constexpr std::array kRows{
    SettingRow<WorkerSettings>{
        .name = "LOG",
        .type = "choice",
        .accepted = "inherit, tee, prefix, json, none, or file:PATH with an absolute path",
        .unit = {},
        .group = kLog,
        .help = "its output: handed on, also kept (tee), prefixed, JSON lines, dropped, or a file",
        .default_words = "prefix, or json with LOG_FORMAT=json; main: inherit",
        .read = read_log,
        .show = show_log},
    row<&WorkerSettings::log_max_size, not_tiny>(
        "LOG_MAX_SIZE", {kLog, "with LOG=file: from this size on a new file begins; 0: never",
                         "a size of at least 4Ki, such as 64Ki or 10M, or 0"}),
    SettingRow<WorkerSettings>{
        .name = "LOG_MAX_FILES",
        .type = "number",
        .accepted = "a whole number from 0 to 1000",
        .unit = {},
        .group = kLog,
        .help = "with LOG=file: older files that are kept, as PATH.1, PATH.2 and so on",
        .default_words = {},
        .read = read_max_files,
        .show = [](const WorkerSettings& worker) { return show_field(worker.log_max_files); }},
    row<&WorkerSettings::log_ring, fit_for_a_ring>(
        "LOG_RING",
        {kLog, "memory for its last lines, which /v1/workers/<name>/logs shows; 0: none",
         "a size from 16Ki to 64Mi, or 0"}),
};

}  // namespace

std::span<const SettingRow<WorkerSettings>> log_settings() { return kRows; }

}  // namespace pilotfish::config
