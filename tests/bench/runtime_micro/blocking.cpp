// Row of declaring that a call may block its thread.
#include "core/blocking_section.h"
#include "core/task.h"
#include "tests/bench/runtime_micro/bench.h"
#include "tests/bench/runtime_micro/floors.h"

namespace pilotfish::bench {
namespace {

core::Task<Values> sections() {
    constexpr int kCount = 2'000'000;
    const double begin = now_ns();
    for (int i = 0; i < kCount; ++i) {
        core::BlockingSection section;
        keep(i);
    }
    const double took = now_ns() - begin;
    // What Go's way of it takes at the least: two atomic exchanges.
    co_return Values{Value{took / kCount, bare_lock_ns()}};
}

const Register kRow{{.metrics = {{"blocking section, enter and leave", "ns"}}, .once = sections}};

}  // namespace
}  // namespace pilotfish::bench
