// One list of fields for each struct serves the writer and the reader, so that neither can know a
// field that the other does not.
#include "daemon/handover_text.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <type_traits>

namespace pilotfish::daemon {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kHead = "pilotfish state ";

template <class Archive>
void fields(Archive& archive, StreamHandover& stream) {
    archive("fd", stream.fd);
    archive("standard_error", stream.standard_error);
    archive.bytes("partial", stream.partial);
    archive("continues", stream.continues);
}

template <class Archive>
void fields(Archive& archive, RunHandover& run) {
    archive("pid", run.pid);
    archive("group", run.group);
    archive("pidfd", run.pidfd);
    archive("was_started", run.was_started);
    archive("has_child_group", run.has_child_group);
    archive("owes_post_stop", run.owes_post_stop);
    archive("held_signals", run.held_signals);
    archive("end_reason", run.end_reason);
    archive("end_code", run.end_code);
    archive("end_signal", run.end_signal);
}

template <class Archive>
void fields(Archive& archive, LogHandover& log) {
    archive("lines", log.lines);
    archive("lines_lost", log.lines_lost);
    archive("streams", log.streams);
    archive("ring_base", log.ring_base);
    archive("ring_newest", log.ring_newest);
    archive.bytes("ring", log.ring);
}

template <class Archive>
void fields(Archive& archive, TroubleHandover& trouble) {
    archive("reason", trouble.reason);
    archive("sentence", trouble.sentence);
    archive("signal", trouble.signal);
}

template <class Archive>
void fields(Archive& archive, CheckHandover& check) {
    archive("name", check.name);
    archive("tries", check.tries);
    archive("failures", check.failures);
    archive("failures_in_a_row", check.failures_in_a_row);
    archive("ok", check.ok);
    archive("detail", check.detail);
    archive.bytes("output", check.output);
    archive("when_ns", check.when_ns);
    archive("took_ns", check.took_ns);
}

template <class Archive>
void fields(Archive& archive, HealthHandover& health) {
    archive("checks", health.checks);
    archive("status", health.status);
    archive("reloading", health.reloading);
    archive("stopping", health.stopping);
    archive("error_number", health.error_number);
    archive("messages_refused", health.messages_refused);
    archive("live", health.live);
    archive("has_run", health.has_run);
    archive("is_ready", health.is_ready);
    archive("is_asked_to_end", health.is_asked_to_end);
    archive("socket", health.socket);
    archive("address", health.address);
    archive("ready_pipe", health.ready_pipe);
    archive("main_pidfd", health.main_pidfd);
    archive("ready_left_ns", health.ready_left_ns);
    archive("keep_alive_ns", health.keep_alive_ns);
    archive("silent_ns", health.silent_ns);
}

template <class Archive>
void fields(Archive& archive, TimerHandover& timer) {
    archive("seen_wall_ns", timer.seen_wall_ns);
    archive("seen_steady_ns", timer.seen_steady_ns);
    archive("next_wall_ns", timer.next_wall_ns);
    archive("next_steady_ns", timer.next_steady_ns);
}

template <class Archive>
void fields(Archive& archive, WorkerHandover& worker) {
    archive("name", worker.name);
    archive("settings", worker.settings);
    archive("stop_signal", worker.stop_signal);
    archive("stop_timeout_ns", worker.stop_timeout_ns);
    archive("state", worker.state);
    archive("up", worker.up);
    archive("starts", worker.starts);
    archive("started_ns", worker.started_ns);
    archive("restarts", worker.restarts);
    archive("has_ended", worker.has_ended);
    archive("end_code", worker.end_code);
    archive("end_signal", worker.end_signal);
    archive("end_reason", worker.end_reason);
    archive("end_text", worker.end_text);
    archive("next_try_ns", worker.next_try_ns);
    archive("ended_cpu_ns", worker.ended_cpu_ns);
    archive("left_behind", worker.left_behind);
    archive("stop_requested", worker.stop_requested);
    archive("restart_reason", worker.restart_reason);
    archive("stop_deadline_ns", worker.stop_deadline_ns);
    archive("restart_series_ns", worker.restart_series_ns);
    archive("killed_by_us", worker.killed_by_us);
    archive("terminal", worker.terminal);
    archive("released", worker.released);
    archive("waits_its_turn", worker.waits_its_turn);
    archive("has_started", worker.has_started);
    archive("was_stopped", worker.was_stopped);
    archive("limit_passed", worker.limit_passed);
    archive("start_requested", worker.start_requested);
    archive("skip_told", worker.skip_told);
    archive("has_room", worker.has_room);
    archive("runs_skipped", worker.runs_skipped);
    archive("runs_missed", worker.runs_missed);
    archive("restarts_ns", worker.restarts_ns);
    archive("has_timer", worker.has_timer);
    archive("timer", worker.timer);
    archive("trouble", worker.trouble);
    archive("run", worker.run);
    archive("health", worker.health);
    archive("log", worker.log);
}

template <class Archive>
void fields(Archive& archive, ListenerHandover& listener) {
    archive("kind", listener.kind);
    archive("address", listener.address);
    archive("fd", listener.fd);
}

template <class Archive>
void fields(Archive& archive, EventHandover& event) {
    archive("time", event.time);
    archive("kind", event.kind);
    archive("worker", event.worker);
    archive("text", event.text);
    archive("fields", event.fields);
}

template <class Archive>
void fields(Archive& archive, Handover& handover) {
    archive("version", handover.version);
    archive("pid", handover.pid);
    archive("upgrades", handover.upgrades);
    archive("paused_ns", handover.paused_ns);
    archive("blocked_signals", handover.blocked_signals);
    archive("sigpipe_ignored", handover.sigpipe_ignored);
    archive("sigchld_ignored", handover.sigchld_ignored);
    archive("first_start_done", handover.first_start_done);
    archive("orphans_reaped", handover.orphans_reaped);
    archive("workers", handover.workers);
    archive("over", handover.over);
    archive("ended_critical", handover.ended_critical);
    archive("withdrawn", handover.withdrawn);
    archive("budget_ns", handover.budget_ns);
    archive("helpers", handover.helpers);
    archive("listeners", handover.listeners);
    archive("event_base", handover.event_base);
    archive("event_last", handover.event_last);
    archive("events", handover.events);
    archive.bytes("unwritten_out", handover.unwritten_out);
    archive.bytes("unwritten_err", handover.unwritten_err);
}

template <class T>
inline constexpr bool kIsStruct =
    std::is_same_v<T, StreamHandover> || std::is_same_v<T, RunHandover> ||
    std::is_same_v<T, WorkerHandover> || std::is_same_v<T, ListenerHandover> ||
    std::is_same_v<T, EventHandover> || std::is_same_v<T, LogHandover> ||
    std::is_same_v<T, TroubleHandover> || std::is_same_v<T, CheckHandover> ||
    std::is_same_v<T, HealthHandover> || std::is_same_v<T, TimerHandover>;

class Writer {
  public:
    Writer(Json& object, std::string& blobs) : object_(object), blobs_(blobs) {}

    template <class T>
    void operator()(const char* name, T& value) {
        if constexpr (kIsStruct<T>) {
            object_[name] = of(value);
        } else {
            object_[name] = value;
        }
    }
    template <class T>
    void operator()(const char* name, std::optional<T>& value) {
        if (value) object_[name] = *value;
    }
    template <class T>
        requires kIsStruct<T>
    void operator()(const char* name, std::vector<T>& list) {
        Json& array = object_[name] = Json::array();
        for (T& value : list) array.push_back(of(value));
    }
    void bytes(const char* name, const std::string& value) {
        if (value.empty()) return;
        object_[name] = Json::array({blobs_.size(), value.size()});
        blobs_ += value;
    }

  private:
    template <class T>
    Json of(T& value) {
        Json object = Json::object();
        Writer writer(object, blobs_);
        fields(writer, value);
        return object;
    }
    Json& object_;
    std::string& blobs_;
};

// Throws what nlohmann/json does for a value of another type than the field's.
class Reader {
  public:
    Reader(const Json& object, std::string_view blobs) : object_(object), blobs_(blobs) {
        if (!object.is_object()) throw std::invalid_argument("something is not an object");
    }

    template <class T>
    void operator()(const char* name, T& value) {
        const auto found = object_.find(name);
        if (found == object_.end()) return;
        if constexpr (kIsStruct<T>) {
            read(*found, value);
        } else {
            found->get_to(value);
        }
    }
    template <class T>
    void operator()(const char* name, std::optional<T>& value) {
        const auto found = object_.find(name);
        if (found != object_.end() && !found->is_null()) value = found->get<T>();
    }
    template <class T>
        requires kIsStruct<T>
    void operator()(const char* name, std::vector<T>& list) {
        const auto found = object_.find(name);
        if (found == object_.end()) return;
        if (!found->is_array()) throw std::invalid_argument(std::string(name) + " is not a list");
        for (const Json& item : *found) read(item, list.emplace_back());
    }
    void bytes(const char* name, std::string& value) {
        const auto found = object_.find(name);
        if (found == object_.end()) return;
        const auto place = found->get<std::pair<std::uint64_t, std::uint64_t>>();
        if (place.first > blobs_.size() || place.second > blobs_.size() - place.first)
            throw std::invalid_argument(std::string(name) + " lies behind the end");
        value = blobs_.substr(place.first, place.second);
    }

  private:
    template <class T>
    void read(const Json& object, T& value) {
        Reader reader(object, blobs_);
        fields(reader, value);
    }
    const Json& object_;
    std::string_view blobs_;
};

core::Error unreadable(const std::string& why) {
    return core::Error{"cannot read the state of the daemon before: " + why, 0};
}

// Takes a decimal number and the character behind it.
bool take_number(std::string_view& text, char end, std::size_t& number) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec != std::errc() || parsed.ptr == text.data() + text.size() || *parsed.ptr != end)
        return false;
    text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()) + 1);
    return true;
}

}  // namespace

std::string handover_text(const Handover& handover) {
    Json object = Json::object();
    std::string blobs;
    Writer writer(object, blobs);
    // The list of fields is the reader's, too, which changes them.
    fields(writer, const_cast<Handover&>(handover));
    // Texts may quote what somebody else wrote; one broken character must not cost the upgrade.
    const std::string json = object.dump(-1, ' ', false, Json::error_handler_t::replace);
    return std::string(kHead) + std::to_string(kHandoverFormat) + " " +
           std::to_string(json.size()) + "\n" + json + blobs;
}

core::Result<Handover> parse_handover(std::string_view text) {
    if (!text.starts_with(kHead)) return unreadable("it is none");
    text.remove_prefix(kHead.size());
    std::size_t needs = 0;
    std::size_t length = 0;
    if (!take_number(text, ' ', needs) || !take_number(text, '\n', length) || length > text.size())
        return unreadable("its first line is broken");
    if (needs > kHandoverFormat)
        return unreadable("it needs format " + std::to_string(needs) + ", this release knows " +
                          std::to_string(kHandoverFormat) +
                          "; upgrade to a release that is not older");
    try {
        // A depth of a few: nothing here recurses further than the fields do.
        const Json object = Json::parse(text.substr(0, length), [](int depth, auto, const Json&) {
            if (depth > 16) throw std::invalid_argument("it is nested too deeply");
            return true;
        });
        Handover handover;
        Reader reader(object, text.substr(length));
        fields(reader, handover);
        return handover;
    } catch (const std::exception& error) {
        return unreadable(error.what());
    }
}

}  // namespace pilotfish::daemon
