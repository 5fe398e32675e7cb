#include <array>

#include "config/setting_row_of.h"
#include "config/worker_settings.h"

namespace pilotfish::config {
namespace {

constexpr std::string_view kStop = "Stop";

constexpr std::array kRows{
    row<&WorkerSettings::stop_signal>("STOP_SIGNAL", {kStop, "the signal that asks it to stop"}),
    row<&WorkerSettings::stop_timeout>("STOP_TIMEOUT",
                                       {kStop,
                                        "from that signal to SIGKILL, if it has not ended",
                                        {},
                                        "10s; main: the whole shutdown"}),
};

}  // namespace

std::span<const SettingRow<WorkerSettings>> stop_settings() { return kRows; }

}  // namespace pilotfish::config
