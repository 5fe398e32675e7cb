#include "daemon/client_follow.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "daemon/client.h"
#include "daemon/client_output.h"
#include "daemon/control.h"
#include "http/answers.h"

namespace pilotfish::daemon {
namespace {

// A stream with nothing to say is heard of each 15 s (http/README.md, Limits).
constexpr std::chrono::milliseconds kSilence{45'000};

int refused_by(const ClientConnection& connection, std::string_view body) {
    return complain(kRefusedExitCode, "the daemon at " + connection.where() +
                                          " refused: " + http::parse_problem(body));
}

// Server-sent events, cut into their fields.
class EventCutter {
  public:
    // Calls take(name, data) for each event that is whole.
    template <class Take>
    bool feed(std::string_view bytes, Take take) {
        return lines_.feed(bytes, [&](std::string_view line) {
            if (line.starts_with("event: ")) name_ = line.substr(7);
            if (line.starts_with("data: ")) data_ = line.substr(6);
            if (!line.empty() || data_.empty()) return true;
            const std::string name = std::exchange(name_, {});
            return take(name, std::exchange(data_, {}));
        });
    }

  private:
    LineCutter lines_;
    std::string name_;
    std::string data_;
};

// One worker's log as it arrives.
struct FollowedLog {
    std::string worker;
    std::string prefix;
    ClientConnection connection;
    LineCutter lines{};
    std::string refusal{};  // the body of an answer that is none
    std::string time{};     // of its last line that had one
    bool over = false;
};

struct ShownLine {
    std::string time;
    std::string text;
    std::size_t place = 0;  // as they came
};

std::string logs_target(const std::string& worker, const config::ClientOptions& options) {
    std::string target = "/v1/workers/" + worker + "/logs?";
    if (options.tail) target += "tail=" + std::to_string(*options.tail) + "&";
    if (options.since) target += "since=" + std::to_string(*options.since) + "&";
    if (options.follow) target += "follow=1&";
    target.pop_back();
    return target;
}

// The workers that are meant, by their own names: instances each have a log.
core::Result<std::vector<std::string>> workers_with_logs(const ClientTarget& target,
                                                         const std::vector<std::string>& named) {
    core::Result<ClientConnection> connection = target.open();
    if (!connection) return connection.error();
    const auto answer =
        connection->ask("GET", "/v1/workers", target.token, std::chrono::milliseconds(10'000));
    if (!answer) return answer.error();
    const auto parsed = http::parse_workers(answer->body);
    std::vector<std::string> names;
    if (!parsed) return named;
    for (const http::WorkerView& worker : parsed->workers) names.push_back(worker.name);
    if (named.empty()) return names;
    std::vector<std::string> meant;
    for (const std::string& name : named) {
        const std::size_t before = meant.size();
        for (const std::string& each : names)
            if (is_meant(each, name)) meant.push_back(each);
        // The daemon says what is wrong with it.
        if (meant.size() == before) meant.push_back(name);
    }
    return meant;
}

// True: it goes on.
core::Result<bool> take_lines(FollowedLog& stream, std::vector<ShownLine>& lines,
                              const config::Invocation& invocation) {
    std::string body;
    const core::Result<bool> whole = stream.connection.receive(body, kSilence);
    if (!whole) return whole.error();
    const bool for_terminal = isatty(STDOUT_FILENO) == 1;
    if (stream.connection.status() != 0 && stream.connection.status() != 200) {
        stream.refusal += body;
    } else {
        stream.lines.feed(body, [&](std::string_view line) {
            if (line.empty()) return true;  // only says that the daemon is still there
            if (invocation.form == config::OutputForm::json) {
                lines.push_back({{}, std::string(line) + "\n"});
            } else if (std::string text = log_text(line, stream.prefix, for_terminal);
                       !text.empty()) {
                const auto record = http::parse_log_record(line);
                // Who has none, as a gap, stands behind the line before it.
                if (record && !record->time.empty()) stream.time = record->time;
                lines.push_back({stream.time, std::move(text)});
            }
            return true;
        });
    }
    stream.over = *whole;
    return !*whole;
}

// Waits until one of them has something. False: none has, for too long.
bool wait_for_any(std::vector<std::unique_ptr<FollowedLog>>& streams) {
    std::vector<pollfd> waits;
    for (const auto& stream : streams)
        waits.push_back({stream->over ? -1 : stream->connection.fd(), POLLIN, 0});
    int ready = 0;
    do {
        ready = poll(waits.data(), waits.size(), static_cast<int>(kSilence.count()));
    } while (ready < 0 && errno == EINTR);
    for (std::size_t at = 0; at < waits.size(); ++at)
        if (waits[at].revents != 0) std::swap(streams.front(), streams[at]);
    return ready > 0;
}

}  // namespace

std::string event_text(std::string_view name, std::string_view data, bool json) {
    if (json) return std::string(data) + "\n";
    if (name == "gap") {
        const auto missed = http::parse_missed(data);
        return missed ? "(" + std::to_string(*missed) + " events are forgotten)\n" : "";
    }
    const auto event = http::parse_event(data);
    if (!event) return {};
    return event->time + "  " + event->kind +
           std::string(event->kind.size() < 8 ? 8 - event->kind.size() : 0, ' ') + "  " +
           harmless(event->text) + "\n";
}

std::string log_text(std::string_view record, std::string_view prefix, bool for_terminal) {
    const auto parsed = http::parse_log_record(record);
    if (!parsed) return {};
    std::string text(prefix);
    if (parsed->gap > 0)
        return text + "(" + std::to_string(parsed->gap) + " lines are lost here)\n";
    return text + (for_terminal ? harmless(parsed->line) : parsed->line) + "\n";
}

int show_events(const ClientTarget& target, const config::Invocation& invocation) {
    core::Result<ClientConnection> connection = target.open();
    if (!connection) return complain(kUnreachableExitCode, connection.error().message);
    std::string path = "/v1/events?";
    if (invocation.client.since) path += "since=" + std::to_string(*invocation.client.since) + "&";
    if (invocation.client.follow) path += "follow=1&";
    path.pop_back();
    if (auto sent = connection->send("GET", path, target.token); !sent)
        return complain(kUnreachableExitCode, sent.error().message);
    EventCutter cutter;
    std::string refusal;
    const bool json = invocation.form == config::OutputForm::json;
    for (;;) {
        std::string body;
        const core::Result<bool> whole = connection->receive(body, kSilence);
        if (!whole) {
            return complain(kUnreachableExitCode, whole.error().message);
        }
        if (connection->status() == 200) {
            const bool read_on =
                cutter.feed(body, [&](const std::string& name, const std::string& data) {
                    return tell(event_text(name, data, json));
                });
            if (!read_on) return kRefusedExitCode;
        } else {
            refusal += body;
        }
        if (!*whole) continue;
        return connection->status() == 200 ? 0 : refused_by(*connection, refusal);
    }
}

int show_logs(const ClientTarget& target, const config::Invocation& invocation) {
    const bool all = invocation.client.workers.empty();
    const auto names = workers_with_logs(target, invocation.client.workers);
    if (!names) return complain(kUnreachableExitCode, names.error().message);
    std::size_t widest = 0;
    for (const std::string& name : *names) widest = std::max(widest, name.size());

    std::vector<std::unique_ptr<FollowedLog>> streams;
    for (const std::string& name : *names) {
        core::Result<ClientConnection> connection = target.open();
        if (!connection) return complain(kUnreachableExitCode, connection.error().message);
        if (auto sent = connection->send("GET", logs_target(name, invocation.client), target.token);
            !sent) {
            return complain(kUnreachableExitCode, sent.error().message);
        }
        const std::string prefix =
            names->size() == 1 ? "" : name + std::string(widest - name.size(), ' ') + " | ";
        streams.push_back(std::make_unique<FollowedLog>(
            FollowedLog{.worker = name, .prefix = prefix, .connection = std::move(*connection)}));
    }
    int code = 0;
    std::vector<ShownLine> lines;
    std::size_t open = streams.size();
    while (open > 0 && wait_for_any(streams)) {
        FollowedLog& stream = *streams.front();
        const core::Result<bool> goes_on = take_lines(stream, lines, invocation);
        if (!goes_on) {
            stream.over = true;
            code = complain(kUnreachableExitCode, goes_on.error().message);
        }
        if (stream.over) --open;
        if (goes_on && stream.over && stream.connection.status() != 200) {
            const std::string why = stream.worker + ": " + http::parse_problem(stream.refusal);
            // Of all, those that are captured are meant.
            const bool counts = !all || stream.connection.status() != 409;
            if (complain(kRefusedExitCode, why) != 0 && counts) code = kRefusedExitCode;
        }
        if (!invocation.client.follow) continue;
        for (const ShownLine& line : lines)
            if (!tell(line.text)) return kRefusedExitCode;
        lines.clear();
    }
    if (open > 0)
        code = complain(kUnreachableExitCode, "cannot hear from the daemon at " + target.where +
                                                  ": it has been silent for too long");
    // Several logs that have ended are one story by the clock; equal times stay in order.
    for (std::size_t at = 0; at < lines.size(); ++at) lines[at].place = at;
    std::sort(lines.begin(), lines.end(), [](const ShownLine& a, const ShownLine& b) {
        return std::tie(a.time, a.place) < std::tie(b.time, b.place);
    });
    for (const ShownLine& line : lines)
        if (!tell(line.text)) return kRefusedExitCode;
    return code;
}

}  // namespace pilotfish::daemon
