// What unwinds a task without being an error: cancellation and goexit().
//
//     goexit();                  // ends the calling task here, destructors run (Go:
//     runtime.Goexit) catch (...) { throw; }     // code that catches everything passes these on
//
// They are no std::exception, so that a handler of errors does not swallow them. One that leaves a
// task ends it quietly: a detached task is simply over, a joiner gets TaskEnded (or nothing, when
// there is no result to miss).
//
// Thread-safety: goexit() acts on the calling task. Suspends: nothing. Fails: never returns.
#pragma once

#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>

namespace pilotfish::core {

struct TaskUnwind {};

// Somebody asked the task to end: see core/cancel.h.
struct Cancelled : TaskUnwind {};

// What goexit() throws.
struct GoExit : TaskUnwind {};

// The error of a task whose error has been reported elsewhere (to its group).
struct ReportedError : TaskUnwind {
    std::exception_ptr error;
};

// What a joiner gets instead of the result of a task that was cancelled or called goexit().
class TaskEnded : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

[[noreturn]] inline void goexit() { throw GoExit{}; }
[[noreturn]] inline void throw_cancelled() { throw Cancelled{}; }

// True: the exception is no error of the task but a TaskUnwind.
bool ends_quietly(const std::exception_ptr& error) noexcept;

}  // namespace pilotfish::core
