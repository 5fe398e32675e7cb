// What the runtime costs: one row a line, medians of a few runs, and the floor that the machine
// sets where a row measures it.
//
//     runtime_micro [--processors N] [--json] [--list] [ROW...]
//
// ROW is a row's whole name or, if there is none, any part of some. Rows on one processor are CPU
// time; with more they are wall time: compare them with the hand-over of a cache line and the futex
// wake measured in the same run. tests/bench/run puts peers and targets beside them.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "core/runtime.h"
#include "tests/bench/runtime_micro/bench.h"

namespace pilotfish::bench {
namespace {

core::Task<int> measure(const Bench& bench, Values& out) {
    out = co_await bench.once();
    co_return 0;
}

Values run_once(const Bench& bench, int processors) {
    core::Runtime runtime({.processors = processors});
    Values out;
    if (runtime.run(measure(bench, out)) != 0) std::abort();
    return out;
}

bool names(const Bench& bench, const std::vector<std::string>& wanted, bool whole) {
    for (const Metric& metric : bench.metrics) {
        for (const std::string& word : wanted) {
            if (whole ? word == metric.name : std::strstr(metric.name, word.c_str()) != nullptr)
                return true;
        }
    }
    return false;
}

void print_json(const Metric& metric, int processors, double value, double floor) {
    std::printf(R"({"row":"%s, %d thread%s","unit":"%s","ours":%.6g)", metric.name, processors,
                processors == 1 ? "" : "s", metric.unit, value);
    if (!std::isnan(floor)) std::printf(R"(,"floor":%.6g)", floor);
    std::printf("}\n");
}

void print_line(const Metric& metric, const std::vector<double>& values, double floor) {
    std::printf("%-50s %10.4g %-5s", metric.name, part(values, 50), metric.unit);
    if (values.size() > 1) std::printf("  best %.4g", part(values, 0));
    if (!std::isnan(floor)) std::printf("  floor %.4g", floor);
    std::printf("\n");
}

void measure_and_print(const Bench& bench, int processors, bool json) {
    if (bench.warm_up) run_once(bench, processors);
    std::vector<Values> all;
    for (int i = 0; i < bench.runs; ++i) all.push_back(run_once(bench, processors));
    for (std::size_t column = 0; column < bench.metrics.size(); ++column) {
        std::vector<double> values;
        std::vector<double> floors;
        for (const Values& one : all) {
            values.push_back(one[column].value);
            floors.push_back(one[column].floor);
        }
        if (json)
            print_json(bench.metrics[column], processors, part(values, 50), part(floors, 50));
        else
            print_line(bench.metrics[column], values, part(floors, 50));
    }
}

// In a process of its own, so that no row finds the memory or the threads another has left behind.
void run(const Bench& bench, int processors, bool json) {
    std::fflush(stdout);
    const pid_t child = fork();
    if (child < 0) std::abort();
    if (child == 0) {
        measure_and_print(bench, processors, json);
        std::fflush(stdout);
        _exit(0);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0) {
        std::fprintf(stderr, "runtime_micro: %s measured nonsense, or failed\n",
                     bench.metrics[0].name);
        std::exit(1);
    }
}

int main_with(int processors, bool json, bool list, const std::vector<std::string>& wanted) {
    bool whole = false;
    for (const Bench& bench : benches()) whole |= names(bench, wanted, true);
    bool any = false;
    for (const Bench& bench : benches()) {
        if (!wanted.empty() && !names(bench, wanted, whole)) continue;
        any = true;
        if (list)
            for (const Metric& metric : bench.metrics) std::printf("%s\n", metric.name);
        else if (processors >= bench.from)
            run(bench, processors, json);
    }
    if (any) return 0;
    std::fprintf(stderr, "runtime_micro: no row of that name; --list names them\n");
    return 2;
}

}  // namespace
}  // namespace pilotfish::bench

int main(int argc, char** argv) {
    int processors = 1;
    bool json = false;
    bool list = false;
    std::vector<std::string> wanted;
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--processors") == 0 && i + 1 < argc)
            processors = std::atoi(argv[++i]);
        else if (std::strcmp(argv[i], "--json") == 0)
            json = true;
        else if (std::strcmp(argv[i], "--list") == 0)
            list = true;
        else
            wanted.emplace_back(argv[i]);
    }
    return pilotfish::bench::main_with(processors, json, list, wanted);
}
