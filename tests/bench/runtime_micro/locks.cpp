// Rows of the mutex.
#include <cstdlib>

#include "core/mutex.h"
#include "core/task.h"
#include "tests/bench/runtime_micro/bench.h"
#include "tests/bench/runtime_micro/floors.h"

namespace pilotfish::bench {
namespace {

using core::JoinHandle;
using core::Mutex;
using core::spawn;
using core::Task;

Task<> some_locks(Mutex& mutex, int count, int& guarded) {
    for (int i = 0; i < count; ++i) {
        const Mutex::Guard guard = co_await mutex.lock();
        ++guarded;
    }
}

Task<Values> locks() {
    constexpr int kCount = 1'000'000;
    Mutex mutex;
    int guarded = 0;
    const double begin = now_ns();
    JoinHandle<> a = spawn(some_locks(mutex, kCount / 2, guarded));
    JoinHandle<> b = spawn(some_locks(mutex, kCount / 2, guarded));
    co_await a;
    co_await b;
    const double took = now_ns() - begin;
    if (guarded != kCount) std::abort();
    co_return Values{Value{took / kCount, bare_lock_ns()}};
}

const Register kRow{{.metrics = {{"mutex, two tasks", "ns"}}, .once = locks}};

}  // namespace
}  // namespace pilotfish::bench
