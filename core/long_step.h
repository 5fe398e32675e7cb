// What the log says of a step that lasts too long: whose it is, on which processor, what its thread
// does and where.
//
// Thread-safety: any thread that holds no lock of the runtime. Ownership: none; the task is not
// followed, it may be gone. Blocks: 0.1 s for a thread that does not answer, and the locks of the
// census. Fails: never; what cannot be found out is left out.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace pilotfish::core {

struct Machine;
struct TaskRecord;

// "task 7 (name) has held processor 2 for 14 ms without suspending, computing; it is in f() < g() <
// ..."
std::string text_of_long_step(Machine& machine, const TaskRecord* task, std::uint32_t processor,
                              std::int64_t age_ns);

// The kernel's letter for a thread of ours: R runs or waits for a CPU, S and D sleep; 0: /proc does
// not tell. About 10 us.
char thread_state(pid_t tid) noexcept;

}  // namespace pilotfish::core
