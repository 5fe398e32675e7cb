// Says that the calls in a scope may block the thread for a short while.
//
//     {
//         BlockingSection section;
//         written = ::write(fd, data, size);            // a pipe that may be full
//     }
//
// While inside, the watcher lends the processor at its next look (2 to 10 ms after the step began)
// when work waits, without first finding out whether the thread is blocked: it saves one look. Go's
// entersyscall. For what blocks longer, blocking() in core/blocking.h is the better way: it gives
// the processor away at once.
//
// Thread-safety: one task, one step: no co_await inside. May nest. Outside of tasks it does
// nothing. Owns nothing. Never blocks itself: a call and a few loads and stores each way. Fails: a
// suspension inside aborts.
#pragma once

#include "core/step_name.h"

namespace pilotfish::core {

class [[nodiscard]] BlockingSection {
  public:
    BlockingSection() noexcept;
    ~BlockingSection();
    BlockingSection(const BlockingSection&) = delete;
    BlockingSection& operator=(const BlockingSection&) = delete;

  private:
    Proc* proc_;
    StepName step_;
};

}  // namespace pilotfish::core
