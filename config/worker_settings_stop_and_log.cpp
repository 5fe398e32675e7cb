#include <array>

#include "config/setting_row_of.h"
#include "config/worker_settings.h"

namespace pilotfish::config {
namespace {

constexpr std::string_view kStop = "Stop and log";

constexpr std::array kRows{
    row<&WorkerSettings::stop_signal>("STOP_SIGNAL", {kStop, "the signal that asks it to stop"}),
    row<&WorkerSettings::stop_timeout>("STOP_TIMEOUT",
                                       {kStop,
                                        "from that signal to SIGKILL, if it has not ended",
                                        {},
                                        "10s; main: the whole shutdown"}),
    row<&WorkerSettings::log>("LOG", {kStop,
                                      "its output: passed on, prefixed, as JSON lines, or dropped",
                                      {},
                                      "prefix, or json with LOG_FORMAT=json; main: inherit"}),
};

}  // namespace

std::span<const SettingRow<WorkerSettings>> stop_and_log_settings() { return kRows; }

}  // namespace pilotfish::config
