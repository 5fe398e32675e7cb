// What the machine and the compiler take by themselves, for the rows to stand beside.
//
// Any thread, outside of a step that others wait for: each blocks for some milliseconds. Never
// fails.
#pragma once

namespace pilotfish::bench {

// A coroutine with a free list of frames and nothing else: created, run to its end, destroyed.
double bare_child_ns();
// Two such coroutines resumed in turn by a loop.
double bare_switch_ns();
// An uncontended compare-exchange and the exchange that undoes it.
double bare_lock_ns();
// Two threads hand a number to and fro: what one cache line costs between the cores today.
double line_hand_over_ns();

struct Latency {
    double p50_us;
    double p99_us;
};
// A thread that has slept for 200 us in futex(2) is woken.
Latency futex_wake();

}  // namespace pilotfish::bench
