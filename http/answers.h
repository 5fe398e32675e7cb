// The JSON of the admin plane read back, for the client commands: the other side of http/render.h.
//
// Any thread. Pure functions of text. Never block. Fail by nullopt for what is no such answer; what
// an older or newer daemon leaves out is as in a view of which nothing is known.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/sources.h"

namespace pilotfish::http {

// Of /v1/workers, and of an action on workers.
struct WorkersAnswer {
    std::vector<WorkerView> workers;
    bool reached = true;
};
std::optional<WorkersAnswer> parse_workers(std::string_view json);

// The same answer with those workers alone that keep(name) takes; as it is printed, indented.
std::optional<std::string> only_workers(std::string_view json,
                                        bool (*keep)(std::string_view name, const void* with),
                                        const void* with);

// The detail of an application/problem+json; what is none is given back as it is, without the line
// break at its end.
std::string parse_problem(std::string_view json);

// The data of one server-sent event.
std::optional<EventView> parse_event(std::string_view json);
// How many were lost, of an event named "gap".
std::optional<std::uint64_t> parse_missed(std::string_view json);

// A line of a worker's log.
struct LogRecord {
    std::uint64_t cursor = 0;
    std::uint64_t gap = 0;  // above 0: so many lines were lost here, and nothing else is meant
    std::string time;
    std::string stream;
    std::string line;
};
std::optional<LogRecord> parse_log_record(std::string_view json);

// What an answer of reload or upgrade says to people: its "text", or all of it.
std::string text_of(std::string_view json);

}  // namespace pilotfish::http
