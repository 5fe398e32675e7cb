#include "daemon/own_log.h"

#include "daemon/log_format.h"

namespace pilotfish::daemon {
namespace {

OwnStyle style_of(const Output& output, const config::Settings& settings) {
    if (settings.log_format == config::LogFormat::json) return OwnStyle::json;
    return wants_colour(output.descriptor()) ? OwnStyle::coloured_text : OwnStyle::text;
}

}  // namespace

OwnLog::OwnLog(Output& output, const config::Settings& settings)
    : sink_(output, style_of(output, settings)) {
    core::set_log_level(settings.log_level);
    core::set_log_sink(&sink_);
}

OwnLog::~OwnLog() { core::set_log_sink(nullptr); }

void OwnLog::say_last(core::LogLevel level, const std::string& line) {
    if (core::log_enabled(level)) sink_.write_last(level, "daemon", line);
}

}  // namespace pilotfish::daemon
