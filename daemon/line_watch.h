// Waits for a line that a pattern is found in, in any of a run's output streams.
//
// Thread-safety: any thread; each tap, its stream's own task. Ownership: taps share what they need
// and may outlive the run. Never blocks: a short lock. Never fails. Limits: of a line the first
// LinePattern::kMostLineBytes are looked at, and a line without its end is none yet.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "config/line_pattern.h"
#include "daemon/output_tap.h"

namespace pilotfish::daemon {

class LineWatch : public std::enable_shared_from_this<LineWatch> {
  public:
    // found: called once, in the task that emptied the stream.
    LineWatch(config::LinePattern pattern, std::function<void()> found)
        : pattern_(std::move(pattern)), found_(std::move(found)) {}

    std::unique_ptr<OutputTap> make_tap();
    // After this found is not called, nor being called.
    void stop();

  private:
    class Tap;
    bool is_over() const;
    void find();

    const config::LinePattern pattern_;
    mutable std::mutex mutex_;
    std::function<void()> found_;  // empty: it is over
};

}  // namespace pilotfish::daemon
