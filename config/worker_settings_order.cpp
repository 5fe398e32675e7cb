#include <array>

#include "config/setting_row_of.h"
#include "config/worker_settings.h"

namespace pilotfish::config {
namespace {

constexpr std::string_view kOrder = "Order and importance";

constexpr std::array kRows{
    row<&WorkerSettings::after>("AFTER",
                                {kOrder, "started after these workers, stopped before them"}),
    row<&WorkerSettings::needs>(
        "NEEDS", {kOrder, "as AFTER, and each must be ready, or have ended well as a oneshot"}),
    row<&WorkerSettings::optional>("OPTIONAL", {kOrder, "/readyz does not wait for it"}),
    row<&WorkerSettings::critical>(
        "CRITICAL",
        {kOrder, "when it ends, the container ends with its code", {}, "false; main: true"}),
};

}  // namespace

std::span<const SettingRow<WorkerSettings>> order_settings() { return kRows; }

}  // namespace pilotfish::config
