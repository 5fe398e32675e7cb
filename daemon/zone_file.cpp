#include "daemon/zone_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "config/in_quotes.h"
#include "config/setting_table.h"

namespace pilotfish::daemon {
namespace {

// The largest of tzdata is below 4 KiB.
constexpr std::size_t kMostBytes = 1 << 18;

bool is_utc(std::string_view name) {
    constexpr std::string_view kNames[] = {"", "UTC", "UTC0", "Etc/UTC", "GMT", "Zulu"};
    return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

core::Result<config::TimeZone> read_zone_file(const std::string& path) {
    const auto failed = [&](const std::string& why) {
        return core::Error{"cannot read the time zone in " + path + ": " + why, 0};
    };
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return core::system_error("read the time zone in " + path + ": open", errno);
    std::string bytes(kMostBytes, '\0');
    std::size_t length = 0;
    ssize_t got = 1;
    while (got > 0 && length < bytes.size()) {
        got = read(fd, bytes.data() + length, bytes.size() - length);
        if (got > 0) length += static_cast<std::size_t>(got);
    }
    const int error = errno;
    close(fd);
    if (got < 0) return core::system_error("read the time zone in " + path + ": read", error);
    if (length == bytes.size()) return failed("it is too large");
    bytes.resize(length);
    std::string why;
    auto zone = config::TimeZone::from_file(bytes, why);
    if (!zone) return failed("it " + why);
    return std::move(*zone);
}

}  // namespace

core::Result<config::TimeZone> read_zone(const std::string& name) {
    if (is_utc(name)) return config::TimeZone();
    const char* const set = std::getenv("TZDIR");
    const std::string directory =
        set != nullptr && *set == '/' ? set : std::string("/usr/share/zoneinfo");
    return read_zone_file(directory + "/" + name);
}

core::Result<config::TimeZone> zone_of_variable(const std::string& value) {
    const std::string name = value.starts_with(':') ? value.substr(1) : value;
    auto zone = name.starts_with('/') ? read_zone_file(name) : read_zone(name);
    if (zone || value.starts_with(':')) return zone;
    std::string why;
    auto by_rule = config::TimeZone::from_rule(name, why);
    if (by_rule) return std::move(*by_rule);
    return zone;
}

core::Result<config::TimeZone> zone_of(const config::Schedule& schedule) {
    if (!schedule.zone.empty()) return read_zone(schedule.zone);
    const char* const ours = std::getenv("TZ");
    auto zone = zone_of_variable(ours == nullptr ? "" : ours);
    return zone ? std::move(zone) : config::TimeZone();
}

void check_zones(config::Configuration& configuration, std::vector<std::string>& errors) {
    bool told = false;
    for (const config::WorkerConfiguration& worker : configuration.workers) {
        const config::WorkerSettings& settings = worker.settings;
        if (!settings.schedule || settings.schedule->every || settings.instance > 1) continue;
        const std::string variable = config::worker_variable_prefix(settings.name) + "SCHEDULE";
        if (!settings.schedule->zone.empty()) {
            const auto zone = read_zone(settings.schedule->zone);
            if (zone) continue;
            errors.push_back("cannot use " + variable + "=" +
                             config::in_quotes(settings.schedule->text) + ": " +
                             zone.error().message +
                             "; add the zone files to the image (package tzdata), or leave CRON_TZ "
                             "out for TZ or UTC");
        } else if (!told) {
            const char* const ours = std::getenv("TZ");
            const auto zone = zone_of_variable(ours == nullptr ? "" : ours);
            if (zone) continue;
            told = true;
            configuration.warnings.push_back(
                variable + " goes by UTC, as every program here does: TZ is " +
                config::in_quotes(ours) + ", and " + zone.error().message +
                "; add the zone files to the image (package tzdata)");
        }
    }
}

}  // namespace pilotfish::daemon
