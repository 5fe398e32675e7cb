// The answer to an action on workers with ?wait=: one JSON object that is sent once all of them
// have come to where they were asked to, or the time is over. It holds no thread meanwhile: it is
// woken by the events that workers record as their states change.
//
// As body_stream.h says. Borrows the sources, which outlive the server.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/body_stream.h"
#include "http/control.h"
#include "http/sources.h"

namespace pilotfish::http {

enum class Reached : std::uint8_t { yes, not_yet, never };

// Where a worker is on its way: to be over after a stop, to run (or, of one that ends by itself, to
// have run) after a start.
Reached how_far(const WorkerView& worker, const AskedWorker& asked, WorkerAction action);

class ControlStream final : public BodyStream {
  public:
    // How many there are. Each holds a connection of those that an admin listener has (256); others
    // must find room beside them, so no more than this may be made.
    static constexpr int kMost = 64;
    static int count() { return count_.load(std::memory_order_relaxed); }

    ControlStream(const Sources& sources, WorkerAction action, std::vector<AskedWorker> asked,
                  std::chrono::steady_clock::time_point deadline)
        : sources_(sources), action_(action), asked_(std::move(asked)), deadline_(deadline) {
        count_.fetch_add(1, std::memory_order_relaxed);
    }
    ~ControlStream() override { count_.fetch_sub(1, std::memory_order_relaxed); }
    ControlStream(const ControlStream&) = delete;
    ControlStream& operator=(const ControlStream&) = delete;

    Pull next(std::string& out) override;
    std::chrono::milliseconds patience() const override;
    void on_ready(std::function<void()> waker) override;

  private:
    static inline std::atomic<int> count_{0};

    const Sources& sources_;
    const WorkerAction action_;
    const std::vector<AskedWorker> asked_;
    const std::chrono::steady_clock::time_point deadline_;
    std::shared_ptr<const void> subscription_;
};

// The body of such an answer as things are now.
std::string control_body(const Sources& sources, WorkerAction action,
                         const std::vector<AskedWorker>& asked);

}  // namespace pilotfish::http
