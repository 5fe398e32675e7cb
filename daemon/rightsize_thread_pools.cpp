#include <algorithm>

#include "daemon/rightsize_row.h"

namespace pilotfish::daemon {
namespace {

// libuv: UV_THREADPOOL_SIZE defaults to 4 and is capped at 1024.
constexpr int kUvDefaultThreads = 4;
constexpr int kUvMostThreads = 1024;
// NumExpr refuses more than NUMEXPR_MAX_THREADS, by default 64.
constexpr int kNumexprMostThreads = 64;

Proposal numexpr_threads(const Situation& situation) {
    const auto& processors = situation.processors();
    if (!processors) return {};
    return {std::to_string(std::min(processors->count, kNumexprMostThreads)), processors->words};
}

Proposal uv_threads(const Situation& situation) {
    const auto& processors = situation.processors();
    if (!processors) return {};
    const int pool = std::clamp(processors->count, kUvDefaultThreads, kUvMostThreads);
    return {std::to_string(pool), pool == processors->count
                                      ? processors->words
                                      : "libuv's own default, which is never lowered"};
}

constexpr std::string_view kSeesAffinity = "follows the affinity alone, not the quota";

constexpr RightsizeRow kRows[] = {
    {.variable = "OMP_NUM_THREADS",
     .reader = "OpenMP",
     .value = "processors",
     .why = kSeesAffinity,
     .propose = processor_count},
    {.variable = "OPENBLAS_NUM_THREADS",
     .reader = "OpenBLAS",
     .value = "processors",
     .why = kSeesAffinity,
     .propose = processor_count,
     .unless = {"OMP_NUM_THREADS", "GOTO_NUM_THREADS"}},
    {.variable = "BLIS_NUM_THREADS",
     .reader = "BLIS",
     .value = "processors",
     .why = "one thread by itself; with the others, the same",
     .propose = processor_count,
     .unless = {"OMP_NUM_THREADS"}},
    {.variable = "MKL_NUM_THREADS",
     .reader = "Intel MKL",
     .program = "mkl",
     .offer = Offer::named,
     .value = "processors",
     .why = "not verified, since Debian does not have it; it reads OMP_NUM_THREADS too",
     .propose = processor_count,
     .unless = {"OMP_NUM_THREADS", "MKL_DOMAIN_NUM_THREADS"}},
    {.variable = "NUMEXPR_NUM_THREADS",
     .reader = "NumExpr",
     .value = "processors, at most 64",
     .why = "counts the machine's processors, at most 8",
     .propose = numexpr_threads,
     .unless = {"OMP_NUM_THREADS", "NUMEXPR_MAX_THREADS"}},
    {.variable = "RAYON_NUM_THREADS",
     .reader = "Rayon",
     .value = "processors",
     .why = "some versions see their own group alone, others round its quota down",
     .propose = processor_count,
     .unless = {"RAYON_RS_NUM_CPUS"}},
    {.variable = "TOKIO_WORKER_THREADS",
     .reader = "Tokio",
     .value = "processors",
     .why = "as Rayon",
     .propose = processor_count},
    {.variable = "PYTHON_CPU_COUNT",
     .reader = "CPython",
     .value = "processors",
     .why = "read from 3.13 on, which follows the affinity alone; ignored before",
     .propose = processor_count},
    {.variable = "UV_THREADPOOL_SIZE",
     .reader = "libuv",
     .value = "processors, from 4 to 1024",
     .why = "libuv's default is 4, on machines and containers of every size",
     .propose = uv_threads},
    {.variable = "OMP_THREAD_LIMIT",
     .reader = "OpenMP",
     .offer = Offer::never,
     .why = "caps what a program asks for, beyond what it would take by itself"},
    {.variable = "OMP_WAIT_POLICY",
     .reader = "OpenMP",
     .offer = Offer::never,
     .why = "tunes, sizes nothing"},
    {.reader = "oneTBB, HPX", .offer = Offer::never, .why = "read no variable"},
};

}  // namespace

std::span<const RightsizeRow> thread_pool_rows() { return kRows; }

}  // namespace pilotfish::daemon
