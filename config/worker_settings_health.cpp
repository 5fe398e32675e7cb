#include <array>

#include "config/setting_row_of.h"
#include "config/worker_settings.h"

namespace pilotfish::config {
namespace {

constexpr std::string_view kHealth = "Readiness and liveness";
constexpr std::string_view kSomeTime = "a duration above 0 with its unit, such as 250ms, 10s or 5m";

constexpr std::array kRows{
    row<&WorkerSettings::ready>(
        "READY", {kHealth, "how it is known that it is ready, once after each start"}),
    row<&WorkerSettings::ready_timeout>(
        "READY_TIMEOUT", {kHealth, "one that is not ready by then is restarted; 0: never"}),
    row<&WorkerSettings::ready_interval, not_zero>(
        "READY_INTERVAL",
        {kHealth, "between two tries of READY; the first are quicker", kSomeTime}),
    row<&WorkerSettings::liveness>("LIVENESS", {kHealth, "what is asked while it is ready"}),
    row<&WorkerSettings::liveness_interval, not_zero>(
        "LIVENESS_INTERVAL", {kHealth, "between two tries of LIVENESS", kSomeTime}),
    row<&WorkerSettings::liveness_timeout, not_zero>(
        "LIVENESS_TIMEOUT", {kHealth, "a try without an answer by then has failed", kSomeTime}),
    row<&WorkerSettings::liveness_failures>(
        "LIVENESS_FAILURES", {kHealth, "after so many failures in a row it is restarted"}),
    row<&WorkerSettings::livez>("LIVEZ", {kHealth, "its liveness counts in /livez"}),
    row<&WorkerSettings::watchdog>(
        "WATCHDOG",
        {kHealth, "it must say WATCHDOG=1 by sd_notify at least this often; 0: need not"}),
};

}  // namespace

std::span<const SettingRow<WorkerSettings>> health_settings() { return kRows; }

}  // namespace pilotfish::config
