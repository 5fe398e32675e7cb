#include "tests/bench/runtime_micro/bench.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "core/clock.h"
#include "core/runtime.h"
#include "core/spin_lock.h"

namespace pilotfish::bench {
namespace {

std::vector<Bench>& registered() {
    static std::vector<Bench> all;
    return all;
}

double read(clockid_t clock) {
    timespec time;
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

}  // namespace

Register::Register(Bench bench) { registered().push_back(std::move(bench)); }
const std::vector<Bench>& benches() { return registered(); }

double wall_ns() { return static_cast<double>(core::monotonic_ns()); }

double cpu_ns() { return read(CLOCK_PROCESS_CPUTIME_ID); }
double now_ns() { return runtime::max_procs(0) == 1 ? cpu_ns() : wall_ns(); }
double thread_now_ns() {
    return runtime::max_procs(0) == 1 ? read(CLOCK_THREAD_CPUTIME_ID) : wall_ns();
}

double resident_bytes() {
    long pages = 0;
    long total = 0;
    FILE* file = std::fopen("/proc/self/statm", "r");
    if (!file || std::fscanf(file, "%ld %ld", &total, &pages) != 2) std::abort();
    std::fclose(file);
    return static_cast<double>(pages * sysconf(_SC_PAGESIZE));
}

double part(std::vector<double> values, int percent) {
    std::sort(values.begin(), values.end());
    return values[std::min(values.size() * static_cast<std::size_t>(percent) / 100,
                           values.size() - 1)];
}

void spin_ns(double ns) {
    const double begin = wall_ns();
    while (wall_ns() - begin < ns) core::cpu_relax();
}

core::Task<> alone() {
    while (runtime::num_tasks() > 1) co_await core::yield();
}

}  // namespace pilotfish::bench
