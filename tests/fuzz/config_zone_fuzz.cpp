// Fuzzes what comes from an image's zone files, from TZ and from a SCHEDULE. None may crash or
// hang; a next time is always later. Up to the first zero byte a schedule; behind it a zone.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/schedule.h"
#include "core/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pilotfish;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t end = std::min(input.find('\0'), input.size());
    const std::string_view behind = input.substr(std::min(end + 1, input.size()));
    std::string why;
    auto zone = config::TimeZone::from_file(behind, why);
    if (!zone) zone = config::TimeZone::from_rule(behind, why);
    PF_CHECK(zone || !why.empty(), "a zone was refused without a reason");
    const config::TimeZone used = zone.value_or(config::TimeZone());
    config::Schedule schedule;
    if (!config::parse_schedule(input.substr(0, end), schedule, why)) return 0;
    config::Schedule again;
    PF_CHECK(config::parse_schedule(schedule.text, again, why) && again == schedule,
             "a schedule does not read back");
    if (schedule.every) return 0;
    std::int64_t time = 1774742400;  // before a change of many zones
    for (int i = 0; i < 4; ++i) {
        const auto next = config::next_time(schedule, used, time);
        if (!next) break;
        PF_CHECK(*next > time, "the next time is not later");
        time = *next;
    }
    return 0;
}
