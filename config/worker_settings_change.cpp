#include <array>

#include "config/setting_row_of.h"
#include "config/worker_settings.h"

namespace pilotfish::config {
namespace {

constexpr std::string_view kChange = "When the container changes";

constexpr std::array kRows{
    row<&WorkerSettings::rightsize>(
        "RIGHTSIZE", {kChange,
                      "its right-sizing variables: a profile, or programs that get their flags too",
                      {},
                      "the daemon's"}),
    row<&WorkerSettings::on_resize>(
        "ON_RESIZE", {kChange, "what is done to it when the container's limits have changed"}),
    row<&WorkerSettings::on_memory>(
        "ON_MEMORY",
        {kChange, "what is done to it, the one that grew most, when memory gets short"}),
};

}  // namespace

std::span<const SettingRow<WorkerSettings>> change_settings() { return kRows; }

}  // namespace pilotfish::config
