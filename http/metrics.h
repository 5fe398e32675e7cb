// The metrics: one table of names, types, units and help that feeds /metrics in both formats and
// http/README.md (compared both ways by a test).
//
// Any thread. Pure functions of a snapshot. Never block or fail.
// Formats: Prometheus text 0.0.4, and OpenMetrics 1.0, where a counter's family is named without
// _total, units are declared, and the text ends with "# EOF".
#pragma once

#include <string>
#include <string_view>

#include "http/sources.h"
#include "http/stats.h"

namespace pilotfish::http {

struct MetricsSnapshot {
    BuildView build;
    RuntimeView runtime;
    LimitsView limits;
    UsageView usage;
    std::vector<WorkerView> workers;
    PlaneView plane;
};

enum class MetricsFormat { prometheus, openmetrics };

// What a scraper's Accept asks for; OpenMetrics only when it is named and not less wanted.
MetricsFormat negotiate_metrics(std::string_view accept);
std::string_view metrics_content_type(MetricsFormat format);
std::string render_metrics(const MetricsSnapshot& snapshot, MetricsFormat format);

// The metric table as README.md shows it.
std::string metrics_markdown();

}  // namespace pilotfish::http
