#include "core/blocking_section.h"

#include "core/check.h"
#include "core/scheduler.h"

namespace pilotfish::core {

BlockingSection::BlockingSection() noexcept : proc_(tls.proc) {
    if (!proc_) return;
    ticks_ = proc_->ticks.get();
    steps_ = proc_->steps_left;
    proc_->in_section = proc_->in_section + 1;
}

BlockingSection::~BlockingSection() {
    if (!proc_) return;
    PF_CHECK(proc_ == tls.proc && proc_->ticks.get() == ticks_ && proc_->steps_left == steps_,
             "a task was suspended inside a BlockingSection");
    proc_->in_section = proc_->in_section - 1;
}

}  // namespace pilotfish::core
