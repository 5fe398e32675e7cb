#include <array>

#include "config/setting_row_of.h"
#include "config/worker_settings.h"

namespace pilotfish::config {
namespace {

constexpr std::string_view kRestart = "Restart";

constexpr std::array kRows{
    row<&WorkerSettings::restart>("RESTART", {kRestart,
                                              "when it is started again",
                                              {},
                                              "always; oneshot: on-failure; main and cron: never"}),
    row<&WorkerSettings::restart_delay>(
        "RESTART_DELAY", {kRestart, "before the first retry; doubles each time, jittered"}),
    row<&WorkerSettings::restart_max_delay>("RESTART_MAX_DELAY",
                                            {kRestart, "the delay never grows beyond this"}),
    row<&WorkerSettings::restart_reset>(
        "RESTART_RESET", {kRestart, "after running this long the delay begins anew"}),
    row<&WorkerSettings::restart_limit>(
        "RESTART_LIMIT", {kRestart, "more restarts in this time end it as failed; off: no limit"}),
    row<&WorkerSettings::success_codes>("SUCCESS_CODES",
                                        {kRestart, "exit codes that are no failure, beside 0"}),
};

}  // namespace

std::span<const SettingRow<WorkerSettings>> restart_settings() { return kRows; }

}  // namespace pilotfish::config
