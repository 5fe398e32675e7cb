// Calls from threads outside of the runtime, which may be ending meanwhile: they find no scheduler
// any more, or it waits until they are through.
//
//     OutsideCall call;
//     if (Scheduler* scheduler = Scheduler::current()) scheduler->...
//
// Any thread. Owns nothing. Never fails; await_outside_calls() gives its time slice away until none
// is left.
#pragma once

namespace pilotfish::core {

class OutsideCall {
  public:
    OutsideCall() noexcept;
    OutsideCall(const OutsideCall&) = delete;
    OutsideCall& operator=(const OutsideCall&) = delete;
    ~OutsideCall();
};

// Requires: what such a call looks at, Scheduler::current() or takes_tasks(), says no already.
void await_outside_calls() noexcept;

}  // namespace pilotfish::core
