// What the admin plane can be asked to change, as the daemon carries it out: workers started,
// stopped, restarted and signalled, the whole shut down, upgraded, its configuration read again.
//
// Any thread, concurrently: the pages call it. Ownership: outlives the server. Blocks: no longer
// than a page may; what takes time is begun here and watched by ControlStream. Fails: by a status
// from 400 on, with a sentence that says why and what to do about it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace pilotfish::http {

enum class WorkerAction : std::uint8_t { start, stop, restart, signal };

// One worker that something was asked of.
struct AskedWorker {
    std::string name;
    // What WorkerView::starts is at least once the wish has come true.
    std::uint64_t starts = 0;
};

struct ControlAnswer {
    int status = 202;
    std::string problem = {};               // from 400 on: why not
    std::vector<AskedWorker> workers = {};  // of an action on workers
    std::string json = {};                  // of reload and upgrade: the body; empty: {}
    std::function<void()> afterwards = {};  // see http::Afterwards
};

inline ControlAnswer refused(int status, std::string why) {
    ControlAnswer answer;
    answer.status = status;
    answer.problem = std::move(why);
    return answer;
}

class Control {
  public:
    virtual ~Control() = default;

    // name: a worker's, or that of all its instances (web for web@1, web@2). signal: as a user
    // writes it, "HUP"; of WorkerAction::signal alone. who: asks, for the log.
    virtual ControlAnswer act(WorkerAction action, const std::string& name,
                              const std::string& signal, const std::string& who) = 0;
    virtual ControlAnswer shut_down(const std::string& who) = 0;
    virtual ControlAnswer upgrade(const std::string& who) = 0;
    // dry_run: tells what would change, and changes nothing.
    virtual ControlAnswer reload(bool dry_run, const std::string& who) = 0;
};

}  // namespace pilotfish::http
