// Text to the field of a setting and back: for each type of field its word for tables, the accepted
// form, a reader and a writer. setting_table.cpp picks them by the type of the field.
//
// Any thread, never blocks. read_field fails by false with half a sentence in `why`, as in
// config/quantity.h; the field is then as it was.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "config/settings.h"

namespace pilotfish::config {

struct FieldWords {
    std::string_view type;
    std::string_view accepted;   // follows "needs" in an error
    std::string_view unit = {};  // of the value, where it has one
};

// Specialised for each type of field that a setting can have.
template <class Field>
inline constexpr FieldWords kFieldWords{};

// Choices: the accepted words are the values' names, in the order of the enum.
template <>
inline constexpr FieldWords kFieldWords<Rounding>{"choice", "ceil, floor or round"};
template <>
inline constexpr FieldWords kFieldWords<Rightsize>{"choice", "none, safe or all"};
template <>
inline constexpr FieldWords kFieldWords<ChildGroups>{"choice", "auto, all or off"};
template <>
inline constexpr FieldWords kFieldWords<SignalPolicy>{"choice", "forward or own"};
template <>
inline constexpr FieldWords kFieldWords<LogFormat>{"choice", "text or json"};
template <>
inline constexpr FieldWords kFieldWords<core::LogLevel>{"choice",
                                                        "debug, info, warn, error or off"};
template <>
inline constexpr FieldWords kFieldWords<RestartPolicy>{"choice", "always, on-failure or never"};
template <>
inline constexpr FieldWords kFieldWords<WorkerKind>{"choice", "service, oneshot or cron"};
template <>
inline constexpr FieldWords kFieldWords<std::optional<Schedule>>{
    "schedule", "five fields of cron such as 0 4 * * MON-FRI, @daily, or @every 30s"};
template <>
inline constexpr FieldWords kFieldWords<Instances>{"number", "a whole number from 1 to 1000"};
template <>
inline constexpr FieldWords kFieldWords<RateLimit>{"rate",
                                                   "a count in a time, such as 5/1m, or off"};
template <>
inline constexpr FieldWords kFieldWords<StdinMode>{"choice", "inherit or null"};
template <>
inline constexpr FieldWords kFieldWords<WorkerLog>{"choice", "inherit, tee, prefix, json or none"};

template <>
inline constexpr FieldWords kFieldWords<bool>{"boolean", "true, false, 1 or 0"};
template <>
inline constexpr FieldWords kFieldWords<int>{"number", "a whole number from 1 to 4096",
                                             "processors"};
template <>
inline constexpr FieldWords kFieldWords<std::optional<int>>{
    "number", "a whole number from 1 to 4096, or auto", "processors"};
template <>
inline constexpr FieldWords kFieldWords<Duration>{
    "duration", "a duration with its unit, such as 250ms, 10s or 5m, or 0", "time"};
template <>
inline constexpr FieldWords kFieldWords<MemoryLimitSetting>{
    "size", "a share such as 90%, a size such as 512Mi or 1G, or off", "bytes"};
template <>
inline constexpr FieldWords kFieldWords<Bytes>{"size", "a size such as 64Ki or 10M, or 0", "bytes"};
template <>
inline constexpr FieldWords kFieldWords<Signal>{"signal", "a signal: TERM, SIGTERM, 15 or RTMIN+1"};
template <>
inline constexpr FieldWords kFieldWords<ExitCodes>{
    "codes", "exit codes from 0 to 255 with commas between, such as 3,143"};
template <>
inline constexpr FieldWords kFieldWords<Listeners>{
    "addresses", "host:port, [v6]:port or unix:/path, several with commas between, or off"};
template <>
inline constexpr FieldWords kFieldWords<Secret>{"secret", "printable characters without blanks"};
template <>
inline constexpr FieldWords kFieldWords<std::string>{"path", "an absolute path"};
template <>
inline constexpr FieldWords kFieldWords<ProcessName>{"name",
                                                     "a process's name such as nginx, no path"};
template <>
inline constexpr FieldWords kFieldWords<OptionalPath>{"path", "an absolute path, or off"};
template <>
inline constexpr FieldWords kFieldWords<ControlSocket>{
    "path", "auto, off, or an absolute path of at most 107 bytes"};
template <>
inline constexpr FieldWords kFieldWords<Names>{
    "names", "names of small letters, digits and -, with commas between, such as web,log-shipper"};

template <>
inline constexpr FieldWords kFieldWords<std::optional<CpuAmount>>{
    "processors", "processors such as 1.5 or 1500m, or a share such as 50%", "processors"};
template <>
inline constexpr FieldWords kFieldWords<std::optional<MemoryAmount>>{
    "size", "a size such as 512Mi or 1G, or a share such as 25%", "bytes"};
template <>
inline constexpr FieldWords kFieldWords<Weight>{"number", "a whole number from 1 to 10000"};
template <>
inline constexpr FieldWords kFieldWords<std::optional<Weight>> = kFieldWords<Weight>;
template <>
inline constexpr FieldWords kFieldWords<Count>{"number", "a whole number from 1 on"};
template <>
inline constexpr FieldWords kFieldWords<std::optional<Count>> = kFieldWords<Count>;
template <>
inline constexpr FieldWords kFieldWords<std::optional<OomScore>>{
    "number", "a whole number from -1000 to 1000"};
template <>
inline constexpr FieldWords kFieldWords<std::optional<RightsizeChoice>>{
    "names", "none, safe or all, or names of programs with commas between, such as node,java"};
template <>
inline constexpr FieldWords kFieldWords<Reaction>{"reaction",
                                                  "none, restart or a signal such as signal:HUP"};
template <>
inline constexpr FieldWords kFieldWords<ReadySetting>{
    "probe", "none, notify, fd:N, tcp:HOST:PORT, http://HOST:PORT/path, exec:COMMAND or log:REGEX"};
template <>
inline constexpr FieldWords kFieldWords<LivenessSetting>{
    "probe", "none, tcp:HOST:PORT, http://HOST:PORT/path or exec:COMMAND"};
template <>
inline constexpr FieldWords kFieldWords<Debug>{"list", "memtrace=1"};

bool read_field(std::string_view text, bool& field, std::string& why);
bool read_field(std::string_view text, int& field, std::string& why);
bool read_field(std::string_view text, std::optional<int>& field, std::string& why);
bool read_field(std::string_view text, Duration& field, std::string& why);
bool read_field(std::string_view text, MemoryLimitSetting& field, std::string& why);
bool read_field(std::string_view text, Bytes& field, std::string& why);
bool read_field(std::string_view text, Signal& field, std::string& why);
bool read_field(std::string_view text, ExitCodes& field, std::string& why);
bool read_field(std::string_view text, Listeners& field, std::string& why);
bool read_field(std::string_view text, Secret& field, std::string& why);
bool read_field(std::string_view text, std::string& field, std::string& why);
bool read_field(std::string_view text, OptionalPath& field, std::string& why);
bool read_field(std::string_view text, ControlSocket& field, std::string& why);
bool read_field(std::string_view text, ProcessName& field, std::string& why);
bool read_field(std::string_view text, Names& field, std::string& why);
bool read_field(std::string_view text, std::optional<CpuAmount>& field, std::string& why);
bool read_field(std::string_view text, std::optional<MemoryAmount>& field, std::string& why);
bool read_field(std::string_view text, Weight& field, std::string& why);
bool read_field(std::string_view text, std::optional<Weight>& field, std::string& why);
bool read_field(std::string_view text, Count& field, std::string& why);
bool read_field(std::string_view text, std::optional<Count>& field, std::string& why);
bool read_field(std::string_view text, std::optional<OomScore>& field, std::string& why);
bool read_field(std::string_view text, std::optional<RightsizeChoice>& field, std::string& why);
bool read_field(std::string_view text, Reaction& field, std::string& why);
bool read_field(std::string_view text, ReadySetting& field, std::string& why);
bool read_field(std::string_view text, LivenessSetting& field, std::string& why);
bool read_field(std::string_view text, Debug& field, std::string& why);
bool read_field(std::string_view text, std::optional<Schedule>& field, std::string& why);
bool read_field(std::string_view text, Instances& field, std::string& why);
bool read_field(std::string_view text, RateLimit& field, std::string& why);

// "" when unset; a secret shows only that it is set.
std::string show_field(bool field);
std::string show_field(int field);
std::string show_field(const std::optional<int>& field);
std::string show_field(Duration field);
std::string show_field(const MemoryLimitSetting& field);
std::string show_field(Bytes field);
std::string show_field(Signal field);
std::string show_field(const ExitCodes& field);
std::string show_field(const Listeners& field);
std::string show_field(const Secret& field);
std::string show_field(const std::string& field);
std::string show_field(const OptionalPath& field);
std::string show_field(const ControlSocket& field);
std::string show_field(const ProcessName& field);
std::string show_field(const Names& field);
std::string show_field(const std::optional<CpuAmount>& field);
std::string show_field(const std::optional<MemoryAmount>& field);
std::string show_field(Weight field);
std::string show_field(const std::optional<Weight>& field);
std::string show_field(const Count& field);
std::string show_field(const std::optional<Count>& field);
std::string show_field(const std::optional<OomScore>& field);
std::string show_field(const std::optional<RightsizeChoice>& field);
std::string show_field(const Reaction& field);
std::string show_field(const ReadySetting& field);
std::string show_field(const LivenessSetting& field);
std::string show_field(const Debug& field);
std::string show_field(const std::optional<Schedule>& field);
std::string show_field(Instances field);
std::string show_field(const RateLimit& field);

// The place of text among the words of "a, b or c"; false when it is none of them.
bool find_choice(std::string_view text, std::string_view accepted, std::uint8_t& place);
// The word at that place; "" behind the last.
std::string_view choice_word(std::string_view accepted, std::uint8_t place);

template <class Choice>
    requires std::is_enum_v<Choice>
bool read_field(std::string_view text, Choice& field, std::string&) {
    std::uint8_t place = 0;
    if (!find_choice(text, kFieldWords<Choice>.accepted, place)) return false;
    field = static_cast<Choice>(place);
    return true;
}

template <class Choice>
    requires std::is_enum_v<Choice>
std::string show_field(Choice field) {
    return std::string(choice_word(kFieldWords<Choice>.accepted, static_cast<std::uint8_t>(field)));
}

}  // namespace pilotfish::config
