// How times and named values stand in a Handover.
//
// Any thread; nothing blocks or fails.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pilotfish::daemon {

template <class Time>
std::int64_t nanoseconds_of(Time time) {
    return std::chrono::nanoseconds(time.time_since_epoch()).count();
}

template <class Time>
Time time_of(std::int64_t ns) {
    return Time(std::chrono::duration_cast<typename Time::duration>(std::chrono::nanoseconds(ns)));
}

template <class Time>
std::optional<std::int64_t> nanoseconds_of(const std::optional<Time>& time) {
    if (!time) return std::nullopt;
    return nanoseconds_of(*time);
}

template <class Time>
std::optional<Time> time_of(const std::optional<std::int64_t>& ns) {
    if (!ns) return std::nullopt;
    return time_of<Time>(*ns);
}

// By name: the order of values is no promise between releases. An unknown one: the first.
template <class Enum>
Enum named(std::string_view name, Enum last) {
    for (int value = 0; value <= static_cast<int>(last); ++value) {
        if (name_of(static_cast<Enum>(value)) == name) return static_cast<Enum>(value);
    }
    return Enum{};
}

}  // namespace pilotfish::daemon
