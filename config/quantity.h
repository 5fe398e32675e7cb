// Numbers with units as people write them in settings: sizes, durations, processors, yes and no.
//
// Any thread; plain functions over text that is only borrowed; allocate only for a message. Never
// block. Fail by false: `why` then holds half a sentence on this text ("has no unit: 10s?"), or
// stays empty when naming the accepted form says it all; the value is left as it was. Sizes in
// bytes up to 2^63-1, durations in nanoseconds up to 292 years (std::chrono's own range).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace pilotfish::config {

using Duration = std::chrono::nanoseconds;

struct Bytes {
    std::uint64_t count = 0;
    bool operator==(const Bytes&) const = default;
};

struct Cpus {
    double count = 0;
    bool operator==(const Cpus&) const = default;
};

// "512", "64k" (1000), "64Ki" or "64KiB" (1024), likewise M and G; decimals with a unit: "1.5Gi".
bool parse_size(std::string_view text, Bytes& value, std::string& why);
// "250ms", "10s", "5m", "1h30m", "1.5s", and "0"; units ns us ms s m h, each once, biggest first.
bool parse_duration(std::string_view text, Duration& value, std::string& why);
// "1500m" (thousandths) or "1.5"; more than 0, at most 4096.
bool parse_cpus(std::string_view text, Cpus& value, std::string& why);
// true, false, 1, 0 and nothing else.
bool parse_boolean(std::string_view text, bool& value, std::string& why);
// Decimal digits only, no sign and no space; within [least, most].
bool parse_whole(std::string_view text, std::int64_t least, std::int64_t most, std::int64_t& value,
                 std::string& why);

// The shortest text that parses back to the same value: "64Ki", "1500", "1m30s", "250ms", "0".
std::string format_size(Bytes value);
std::string format_duration(Duration value);

}  // namespace pilotfish::config
