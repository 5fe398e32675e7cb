#include "core/blocking_section.h"

#include "core/check.h"
#include "core/scheduler.h"

namespace pilotfish::core {

BlockingSection::BlockingSection() noexcept : proc_(tls.proc) {
    if (!proc_) return;
    step_ = step_of(*proc_);
    proc_->in_section = proc_->in_section + 1;
}

BlockingSection::~BlockingSection() {
    if (!proc_) return;
    PF_CHECK(proc_ == tls.proc && step_of(*proc_) == step_,
             "a task was suspended inside a BlockingSection");
    proc_->in_section = proc_->in_section - 1;
}

}  // namespace pilotfish::core
