// A task that stays on one thread: for what the kernel or a library keeps per thread (namespaces,
// seccomp, capabilities, errno-like state, a GUI that wants the first thread). Go's LockOSThread.
//
//     Task<> enters(int network) {
//         lock_os_thread();
//         setns(network, CLONE_NEWNET);
//         ...                        // every co_await comes back to this thread
//     }                              // not unlocked: the thread ends with the task
//
// While locked, no other task runs on the thread. Locks are counted; the last unlock ends it. A
// task that ends while it is locked takes its thread along, as nobody knows what state it is in;
// the first thread of the runtime only stops running tasks. A main task that locks before its first
// suspension has the thread that called Runtime::run().
//
// Thread-safety: call from a task, for that task. Owns nothing. Blocks: no. A locked task is
// resumed by waking its thread, 7-9 us for the waker and 17-37 us until it runs, and each of its
// waits hands the processor on: some thousand times the price of a switch. Fails: outside of a task
// aborts; unlocking what is not locked does nothing, as in Go.
#pragma once

namespace pilotfish::core {

void lock_os_thread() noexcept;
void unlock_os_thread() noexcept;

// While it lives the task stays on its thread.
class [[nodiscard]] ThreadLock {
  public:
    ThreadLock() noexcept { lock_os_thread(); }
    ~ThreadLock() { unlock_os_thread(); }
    ThreadLock(const ThreadLock&) = delete;
    ThreadLock& operator=(const ThreadLock&) = delete;
};

}  // namespace pilotfish::core
