#include "config/rate_limit.h"

namespace pilotfish::config {
namespace {

// Each event within the window is remembered by its time; more than this is no limit but a typo.
constexpr std::int64_t kMostEvents = 10000;

}  // namespace

bool parse_rate_limit(std::string_view text, RateLimit& value, std::string& why) {
    if (text == "off") {
        value = {};
        return true;
    }
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) {
        why = "has no / between the count and the time";
        return false;
    }
    std::int64_t most = 0;
    if (!parse_whole(text.substr(0, slash), 1, kMostEvents, most, why)) return false;
    Duration window{};
    if (!parse_duration(text.substr(slash + 1), window, why)) return false;
    if (window == Duration::zero()) {
        why = "has a time of 0";
        return false;
    }
    value = {.most = static_cast<int>(most), .window = window};
    return true;
}

std::string format_rate_limit(const RateLimit& value) {
    if (value.is_off()) return "off";
    return std::to_string(value.most) + "/" + format_duration(value.window);
}

}  // namespace pilotfish::config
