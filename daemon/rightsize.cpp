#include "daemon/rightsize.h"

#include <algorithm>
#include <initializer_list>

#include "core/check.h"

namespace pilotfish::daemon {
namespace {

// Below this a soft limit would only make a runtime collect without end. Chosen, not measured.
constexpr std::uint64_t kLeastMemoryHintBytes = 16u << 20;
// libuv: UV_THREADPOOL_SIZE defaults to 4 and is capped at 1024.
constexpr int kUvDefaultThreads = 4;
constexpr int kUvMostThreads = 1024;
// NumExpr refuses more than NUMEXPR_MAX_THREADS, by default 64.
constexpr int kNumexprMostThreads = 64;

class Writer {
  public:
    explicit Writer(const RightsizeRequest& request) : request_(request) {}

    std::optional<std::string_view> user_value(std::string_view name) const {
        for (const std::string& entry : request_.environment)
            if (entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name))
                return std::string_view(entry).substr(name.size() + 1);
        return std::nullopt;
    }
    bool user_set_any(std::initializer_list<std::string_view> names) const {
        return std::any_of(names.begin(), names.end(),
                           [&](std::string_view name) { return user_value(name).has_value(); });
    }
    // unless: variables of the user that rule the same thing.
    void add(std::string_view name, std::string value, std::string reason,
             std::initializer_list<std::string_view> unless = {}) {
        if (user_value(name) || user_set_any(unless)) return;
        hints_.push_back({std::string(name), std::move(value), std::move(reason)});
    }
    std::vector<Hint> take() { return std::move(hints_); }

  private:
    const RightsizeRequest& request_;
    std::vector<Hint> hints_;
};

struct Processors {
    int count = 0;
    std::string words;          // "1.5 CPUs of /sys/fs/cgroup/cpu.max"
    bool of_own_group = false;  // the limit that Go >= 1.25 sees by itself
};

std::string cpus_words(double cpus) {
    return cgroup::cpus_text(cpus) + (cpus == 1 ? " CPU" : " CPUs");
}

// nullopt where the affinity says it all.
std::optional<Processors> processors_of(const RightsizeRequest& request) {
    const core::CpuLimit& cpu = request.limits->cpu;
    const bool limited = cpu.state == core::LimitState::limited && cpu.cpus.has_value();
    double cpus = limited ? *cpu.cpus : cpu.affinity;
    Processors processors;
    if (limited) {
        processors.words = cpus_words(cpus) + " of " + cpu.source;
        processors.of_own_group = !cpu.levels.empty() && cpu.levels.front().source == cpu.source;
    }
    if (request.worker_cpus && *request.worker_cpus < cpus) {
        cpus = *request.worker_cpus;
        processors.words = cpus_words(cpus) + " of the worker's CPU setting";
        processors.of_own_group = false;
    }
    if (cpus >= cpu.affinity) return std::nullopt;
    processors.count = cgroup::round_cpus(cpus, request.policy.rounding,
                                          request.policy.maxprocs_min, cpu.affinity);
    return processors;
}

void hint_go_processors(const RightsizeRequest& request, const Processors& processors,
                        Writer& writer) {
    const std::string count = std::to_string(processors.count);
    if (!request.go || !request.go->follows_cpu_limit()) {
        writer.add("GOMAXPROCS", count, processors.words);
        return;
    }
    // Go >= 1.25 follows its own group's quota, live; a number here would freeze it. It does not
    // see a limit on an ancestor (golang/go#81180). Whoever switched that off by GODEBUG has
    // decided.
    const auto godebug = writer.user_value("GODEBUG");
    const bool decided = godebug && godebug->find("containermaxprocs=") != std::string_view::npos;
    if (processors.of_own_group || decided) return;
    writer.add("GOMAXPROCS", count, processors.words + ", which Go does not see by itself");
}

void hint_processors(const RightsizeRequest& request, Writer& writer) {
    const auto processors = processors_of(request);
    if (!processors) return;
    const std::string count = std::to_string(processors->count);
    const std::string& why = processors->words;
    hint_go_processors(request, *processors, writer);
    writer.add("OMP_NUM_THREADS", count, why);
    writer.add("OPENBLAS_NUM_THREADS", count, why, {"OMP_NUM_THREADS", "GOTO_NUM_THREADS"});
    writer.add("MKL_NUM_THREADS", count, why, {"OMP_NUM_THREADS", "MKL_DOMAIN_NUM_THREADS"});
    writer.add("BLIS_NUM_THREADS", count, why, {"OMP_NUM_THREADS"});
    writer.add("NUMEXPR_NUM_THREADS",
               std::to_string(std::min(processors->count, kNumexprMostThreads)), why,
               {"OMP_NUM_THREADS", "NUMEXPR_MAX_THREADS"});
    writer.add("RAYON_NUM_THREADS", count, why, {"RAYON_RS_NUM_CPUS"});
    writer.add("TOKIO_WORKER_THREADS", count, why);
    writer.add("PYTHON_CPU_COUNT", count, why);
    const int pool = std::clamp(processors->count, kUvDefaultThreads, kUvMostThreads);
    writer.add("UV_THREADPOOL_SIZE", std::to_string(pool),
               pool == processors->count ? why : "libuv's own default, which is never lowered");
}

// glibc makes up to 8 arenas a processor of the machine; each may hold freed memory.
void hint_arenas(const RightsizeRequest& request, Writer& writer) {
    const core::Limits& limits = *request.limits;
    const auto processors = processors_of(request);
    if (!processors && !limits.memory.limit_bytes && !request.worker_memory_bytes) return;
    const auto tunables = writer.user_value("GLIBC_TUNABLES");
    if (tunables && tunables->find("glibc.malloc.arena_max") != std::string_view::npos) return;
    const int count = std::max(2, processors ? processors->count : limits.cpu.affinity);
    writer.add("MALLOC_ARENA_MAX", std::to_string(count),
               "one arena a processor, at least 2, instead of 8 a processor of the machine");
}

struct Share {
    std::uint64_t bytes = 0;
    std::string words;
};

std::string percent_text(double share) { return cgroup::cpus_text(share * 100) + "% of "; }

// The worker's part of the container's soft limit.
std::optional<Share> share_of_container(const RightsizeRequest& request, double share) {
    const auto soft = cgroup::soft_limit(request.limits->memory, share);
    if (!soft || soft->bytes <= request.daemon_reserve_bytes) return std::nullopt;
    const auto sharers = static_cast<std::uint64_t>(std::max(request.memory_workers, 1));
    Share part;
    part.bytes = (soft->bytes - request.daemon_reserve_bytes) / sharers;
    part.words = (soft->is_high ? "memory.high, " : percent_text(share)) +
                 cgroup::bytes_text(soft->of_bytes) + " of " + soft->source + ", less " +
                 cgroup::bytes_text(request.daemon_reserve_bytes) + " for pilotfish";
    if (sharers > 1) part.words += ", shared by " + std::to_string(sharers) + " workers";
    return part;
}

void hint_memory(const RightsizeRequest& request, Writer& writer) {
    const double share = request.policy.memory == cgroup::DerivePolicy::Memory::share
                             ? request.policy.memory_share
                             : cgroup::DerivePolicy().memory_share;
    std::optional<Share> part = share_of_container(request, share);
    if (request.worker_memory_bytes) {
        const std::uint64_t own = cgroup::share_of(*request.worker_memory_bytes, share);
        part = Share{own, percent_text(share) + cgroup::bytes_text(*request.worker_memory_bytes) +
                              " of the worker's MEMORY setting"};
    }
    if (!part || part->bytes < kLeastMemoryHintBytes) return;
    writer.add("GOMEMLIMIT", std::to_string(part->bytes), part->words);
}

}  // namespace

std::vector<Hint> rightsize(const RightsizeRequest& request) {
    PF_CHECK(request.limits != nullptr, "rightsize without limits");
    Writer writer(request);
    if (request.profile == RightsizeProfile::none) return {};
    hint_processors(request, writer);
    hint_memory(request, writer);
    hint_arenas(request, writer);
    return writer.take();
}

}  // namespace pilotfish::daemon
