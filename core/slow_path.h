// An operation that is mostly done at once and else needs more than one wait: its awaiter starts a
// coroutine only then. To its task that coroutine is a child call as any other, and in a dump a
// frame of its own, as Go shows lockSlow.
//
//     class LockAwait : SlowPath<bool> {
//         bool await_ready() ...
//         template <class Promise> bool await_suspend(std::coroutine_handle<Promise> frame) {
//             begin(frame.promise(), mutex_.lock_slow());
//             return true;
//         }
//         Guard await_resume() { if (begun()) finish() ... }
//
// For authors of awaitables. One task. Owns the child's frame. Fails: begin(): what making the
// child threw (PF_CHECK when it is empty); finish(): what left the child.
#pragma once

#include <source_location>

#include "core/task.h"

namespace pilotfish::core {

template <class T>
class SlowPath : ChildCall {
  public:
    SlowPath(const SlowPath&) = delete;
    SlowPath& operator=(const SlowPath&) = delete;

  protected:
    explicit SlowPath(const std::source_location& place) noexcept { where = place; }
    ~SlowPath() {
        if (child) destroy_frame(child);
    }
    bool begun() const noexcept { return child != nullptr; }
    void begin(FrameBase& parent, Task<T> task) noexcept {
        child = task.release();
        child->parent = &parent;
        parent.calling = this;
        tls.next = child;
    }
    using ChildCall::where;
    T finish() { return static_cast<TaskPromise<T>*>(child)->take(); }
};

}  // namespace pilotfish::core
