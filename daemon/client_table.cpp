#include "daemon/client_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

namespace pilotfish::daemon {
namespace {

constexpr std::size_t kColumns = 8;
using Row = std::array<std::string, kColumns>;
// The figures stand to the right of their columns.
constexpr std::array<bool, kColumns> kRight{false, false, true, true, true, true, true, false};
constexpr std::size_t kState = 1;

std::string formatted(double value, const char* unit) {
    char text[48];
    std::snprintf(text, sizeof text, value < 9.95 ? "%.1f %s" : "%.0f %s", value, unit);
    return text;
}

std::string_view colour_of(const http::WorkerView& worker) {
    if (worker.state == "ready") return "\x1b[32m";
    if (worker.state == "failed" || worker.state == "backoff") return "\x1b[31m";
    if (worker.state == "finished") return "\x1b[2m";
    return "\x1b[33m";
}

// What explains the state: when it is tried again, its health, how it ended.
std::string note_of(const http::WorkerView& worker) {
    std::string note;
    if (worker.next_try_seconds) note = "next try in " + short_time(*worker.next_try_seconds);
    if (!worker.health.empty() && worker.up)
        note.append(note.empty() ? "" : "; ").append(worker.health);
    if (!worker.up && !worker.exit_text.empty())
        note.append(note.empty() ? "" : "; ").append(worker.exit_text);
    // What a program wrote about itself must not move the terminal's cursor.
    for (char& c : note)
        if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
    return note;
}

Row row_of(const http::WorkerView& worker) {
    std::uint64_t restarts = 0;
    for (const http::RestartCount& count : worker.restarts) restarts += count.restarts;
    return {worker.name,
            worker.state,
            worker.pid ? std::to_string(*worker.pid) : "-",
            worker.uptime_seconds ? short_time(*worker.uptime_seconds) : "-",
            std::to_string(restarts),
            formatted(worker.cpu_seconds, "s"),
            worker.resident_bytes ? short_size(*worker.resident_bytes) : "-",
            note_of(worker)};
}

std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

void append_row(std::string& out, const Row& row, const std::array<std::size_t, kColumns>& widths,
                std::string_view colour) {
    std::string line;
    for (std::size_t at = 0; at < kColumns; ++at) {
        const std::string padding(widths[at] - width_of(row[at]), ' ');
        if (at > 0) line += "  ";
        if (kRight[at]) line += padding;
        const bool coloured = at == kState && !colour.empty();
        if (coloured) line += colour;
        line += row[at];
        if (coloured) line += "\x1b[0m";
        if (!kRight[at]) line += padding;
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    out += line + "\n";
}

}  // namespace

std::string short_time(double seconds) {
    if (!(seconds >= 0) || seconds > 1e12) return "?";
    if (seconds < 9.95) return formatted(seconds, "s");
    const auto whole = static_cast<std::uint64_t>(seconds);
    const auto pair = [](std::uint64_t most, const char* unit, std::uint64_t rest,
                         const char* smaller) {
        std::string text = std::to_string(most) + " " + unit;
        if (rest > 0) text += " " + std::to_string(rest) + " " + smaller;
        return text;
    };
    if (whole < 60) return std::to_string(whole) + " s";
    if (whole < 3600) return pair(whole / 60, "m", whole % 60, "s");
    if (whole < 86400) return pair(whole / 3600, "h", whole % 3600 / 60, "m");
    return pair(whole / 86400, "d", whole % 86400 / 3600, "h");
}

std::string short_size(std::uint64_t bytes) {
    if (bytes < 1024) return std::to_string(bytes) + " B";
    constexpr std::array kUnits{"KiB", "MiB", "GiB", "TiB"};
    double value = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    for (; value >= 1023.5 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
    return formatted(value, kUnits[unit]);
}

std::string status_table(const std::vector<http::WorkerView>& workers, bool colour) {
    if (workers.empty()) return "no workers\n";
    const Row titles{"NAME", "STATE", "PID", "UPTIME", "RESTARTS", "CPU", "MEMORY", "NOTE"};
    std::vector<Row> rows;
    std::array<std::size_t, kColumns> widths{};
    const auto measure = [&widths](const Row& row) {
        for (std::size_t at = 0; at < kColumns; ++at)
            widths[at] = std::max(widths[at], width_of(row[at]));
    };
    measure(titles);
    for (const http::WorkerView& worker : workers) {
        rows.push_back(row_of(worker));
        measure(rows.back());
    }
    std::string text;
    append_row(text, titles, widths, {});
    for (std::size_t at = 0; at < rows.size(); ++at)
        append_row(text, rows[at], widths, colour ? colour_of(workers[at]) : std::string_view());
    return text;
}

}  // namespace pilotfish::daemon
