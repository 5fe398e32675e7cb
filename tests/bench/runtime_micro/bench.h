// What every row of runtime_micro stands on: the list of rows, clocks, memory, medians.
//
//     Task<Values> yields() { ... co_return Values{Value{took / count, floor}}; }
//     const Register kYield{{.metrics = {{"yield, a switch", "ns"}}, .once = yields}};
//
// A file here registers its rows; main.cpp runs each in a Runtime of its own. Thread-safety: the
// clocks from any thread, registering before main. Fails: a row that measured nonsense aborts.
#pragma once

#include <array>
#include <cmath>
#include <vector>

#include "core/task.h"

namespace pilotfish::bench {

struct Value {
    double value = 0;
    double floor = NAN;  // what the machine itself takes, measured in the same run; NAN: unknown
};
using Values = std::array<Value, 2>;  // in the order of Bench::metrics

struct Metric {
    const char* name;  // in the words of the project's targets
    const char* unit;
};

struct Bench {
    std::vector<Metric> metrics;   // that one run measures
    core::Task<Values> (*once)();  // as the first task of a fresh Runtime
    int runs = 3;                  // of which the medians are printed
    bool warm_up = true;           // one more run before, unseen
    int from = 1;                  // the fewest processors it makes sense with
};

struct Register {
    explicit Register(Bench bench);
};
const std::vector<Bench>& benches();

// On one processor CPU time, which other programs cannot stretch; on more the wall's.
double now_ns();
double thread_now_ns();  // the calling thread's, for what an outside thread does beside the tasks
double wall_ns();
double cpu_ns();  // of the process
double resident_bytes();

// The value below which a percentage of them lies.
double part(std::vector<double> values, int percent);
void spin_ns(double ns);
// The compiler has to have the value at hand.
template <class T>
void keep(const T& value) {
    asm volatile("" : : "r,m"(value) : "memory");
}

// Suspends until all tasks but the caller's have ended.
core::Task<> alone();

}  // namespace pilotfish::bench
