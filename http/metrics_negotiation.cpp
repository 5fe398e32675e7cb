// Which format a scraper is answered in.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/metrics.h"

namespace pilotfish::http {
namespace {

std::string_view trim(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

// The weight of one range of Accept, "text/plain;version=0.0.4;q=0.5": 0.5; 1 when not given.
double weight_of(std::string_view range) {
    for (std::size_t at = range.find(';'); at != std::string_view::npos;
         at = range.find(';', at + 1)) {
        const std::string_view parameter =
            trim(range.substr(at + 1, range.find(';', at + 1) - at - 1));
        if (parameter.substr(0, 2) != "q=") continue;
        return std::strtod(std::string(parameter.substr(2)).c_str(), nullptr);
    }
    return 1;
}

}  // namespace

MetricsFormat negotiate_metrics(std::string_view accept) {
    double open = 0;
    double plain = 0;
    while (!accept.empty()) {
        const std::size_t comma = accept.find(',');
        const std::string_view range = trim(accept.substr(0, comma));
        const std::string_view type = trim(range.substr(0, range.find(';')));
        if (type == "application/openmetrics-text") open = std::max(open, weight_of(range));
        if (type == "text/plain") plain = std::max(plain, weight_of(range));
        accept = comma == std::string_view::npos ? std::string_view() : accept.substr(comma + 1);
    }
    return open > 0 && open >= plain ? MetricsFormat::openmetrics : MetricsFormat::prometheus;
}

std::string_view metrics_content_type(MetricsFormat format) {
    return format == MetricsFormat::openmetrics
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

}  // namespace pilotfish::http
