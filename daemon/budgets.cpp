#include "daemon/budgets.h"

#include <algorithm>
#include <cstdio>

#include "cgroup/derive.h"
#include "config/setting_table.h"
#include "daemon/container_limits.h"

namespace pilotfish::daemon {
namespace {

using cgroup::bytes_text;
using cgroup::cpus_words;

std::string percent_of(double share) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4g%%", share * 100);
    return text;
}

// "90% of "; all of it goes without saying.
std::string part_words(double share) { return share == 1 ? "" : percent_of(share) + " of "; }

// What there is of a thing, and where that stands: "the container's limit of 2 CPUs".
struct CpuBasis {
    double cpus;
    std::string words;
};
CpuBasis basis_of(const core::CpuLimit& cpu) {
    const double affinity = std::max(cpu.affinity, 1);
    if (cpu.state == core::LimitState::limited && cpu.cpus && *cpu.cpus < affinity)
        return {*cpu.cpus, "the container's limit of " + cpus_words(*cpu.cpus)};
    return {affinity, "the " + cpus_words(affinity) + " that may be used (affinity)"};
}

struct MemoryBasis {
    std::optional<std::uint64_t> bytes;
    std::string words;
};
MemoryBasis basis_of(const core::MemoryLimit& memory) {
    if (memory.limit_bytes)
        return {memory.limit_bytes, "the container's limit of " + bytes_text(*memory.limit_bytes)};
    if (memory.total_bytes)
        return {memory.total_bytes, "the machine's memory of " + bytes_text(*memory.total_bytes)};
    return {};
}

// What is divided, and its name.
struct Soft {
    std::uint64_t bytes;
    std::string words;  // "90% of 256 MiB of /sys/fs/cgroup/memory.max"
};

// The daemon's PILOTFISH_MEMLIMIT=off switches off what the daemon does, not what workers are told.
double share_of(const cgroup::DerivePolicy& policy) {
    using Memory = cgroup::DerivePolicy::Memory;
    return policy.memory == Memory::share ? policy.memory_share
                                          : cgroup::DerivePolicy().memory_share;
}

std::optional<Soft> part_of(const core::MemoryLimit& memory, double share) {
    const auto limit = cgroup::soft_limit(memory, share);
    if (!limit) return std::nullopt;
    return Soft{limit->bytes, (limit->is_high ? "memory.high, " : part_words(share)) +
                                  bytes_text(limit->of_bytes) + " of " + limit->source};
}

std::optional<Soft> soft_of(const core::MemoryLimit& memory, const cgroup::DerivePolicy& policy) {
    std::optional<Soft> soft = part_of(memory, share_of(policy));
    if (policy.memory == cgroup::DerivePolicy::Memory::size &&
        (!soft || policy.memory_size_bytes < soft->bytes))
        soft = Soft{policy.memory_size_bytes,
                    "PILOTFISH_MEMLIMIT, " + bytes_text(policy.memory_size_bytes)};
    return soft;
}

class Maker {
  public:
    Maker(const config::Configuration& configuration, const core::Limits& limits)
        : configuration_(configuration),
          limits_(limits),
          cpu_(basis_of(limits.cpu)),
          memory_(basis_of(limits.memory)),
          policy_(derive_policy(configuration.settings)),
          soft_(soft_of(limits.memory, policy_)) {}

    Budgets make() {
        if (soft_) budgets_.soft_bytes = soft_->bytes;
        for (const config::WorkerConfiguration& worker : configuration_.workers)
            budgets_.workers.push_back(claims_of(worker.settings));
        divide(part_of(limits_.memory, 1), 1, &WorkerBudget::whole);
        budgets_.unclaimed_bytes = divide(soft_, share_of(policy_), &WorkerBudget::soft);
        warn_nothing_left();
        bound_heap();
        check_memory_sum();
        check_cpu_sum();
        return std::move(budgets_);
    }

  private:
    static std::string variable(const config::WorkerSettings& worker, std::string_view name) {
        return config::worker_variable_prefix(worker.name) + std::string(name);
    }

    void warn(std::string sentence) { budgets_.warnings.push_back(std::move(sentence)); }

    void warn_clamped(const config::WorkerSettings& worker, std::string_view name,
                      const std::string& asked, const std::string& basis) {
        const std::string setting = variable(worker, name);
        warn(setting + " (" + asked + ") is above " + basis + " and counts as that: lower " +
             setting + ", or raise the container's");
    }

    std::optional<std::uint64_t> claim(const config::WorkerSettings& worker, std::string_view name,
                                       const std::optional<config::MemoryAmount>& amount) {
        if (!amount) return std::nullopt;
        if (!amount->is_share && memory_.bytes && amount->size.count > *memory_.bytes)
            warn_clamped(worker, name, bytes_text(amount->size.count), memory_.words);
        return bytes_of(*amount, limits_.memory);
    }

    WorkerBudget claims_of(const config::WorkerSettings& worker) {
        WorkerBudget budget;
        budget.worker = worker.name;
        budget.is_hosted = !worker.plugin.empty();
        budget.memory_bytes = claim(worker, "MEMORY", worker.memory);
        budget.memory_high_bytes = claim(worker, "MEMORY_HIGH", worker.memory_high);
        if (worker.cpu) {
            if (!worker.cpu->is_share && worker.cpu->cpus > cpu_.cpus)
                warn_clamped(worker, "CPU", cpus_words(worker.cpu->cpus), cpu_.words);
            budget.cpus = cpus_of(*worker.cpu, limits_.cpu);
        }
        return budget;
    }

    using Part = std::optional<MemoryPart> WorkerBudget::*;

    // Gives each worker its part: of what it claims, that share; of the rest, by weight. Returns
    // the rest.
    std::optional<std::uint64_t> divide(const std::optional<Soft>& all, double share, Part part) {
        std::uint64_t claimed = 0;
        std::uint64_t weights = 0;
        std::vector<std::size_t> sharers;
        bool weighted = false;
        for (std::size_t i = 0; i < budgets_.workers.size(); ++i) {
            const config::WorkerSettings& worker = configuration_.workers[i].settings;
            WorkerBudget& budget = budgets_.workers[i];
            if (worker.memory) {
                if (!budget.memory_bytes) continue;
                budget.*part = MemoryPart{cgroup::share_of(*budget.memory_bytes, share),
                                          part_words(share) + bytes_text(*budget.memory_bytes) +
                                              " of the worker's MEMORY setting"};
                claimed += (budget.*part)->bytes;
                continue;
            }
            sharers.push_back(i);
            weights += static_cast<std::uint64_t>(worker.memory_weight.count);
            weighted |= worker.memory_weight != config::Weight();
        }
        if (!all) return std::nullopt;
        const std::uint64_t taken = kDaemonReserveBytes + claimed;
        const std::uint64_t rest = all->bytes > taken ? all->bytes - taken : 0;
        if (rest == 0) return rest;
        std::string words =
            all->words + ", less " + bytes_text(kDaemonReserveBytes) + " for pilotfish";
        if (claimed > 0) words += ", less " + bytes_text(claimed) + " that others claim";
        for (const std::size_t i : sharers) {
            const auto weight =
                static_cast<std::uint64_t>(configuration_.workers[i].settings.memory_weight.count);
            std::string how;
            if (sharers.size() > 1 && weighted) {
                how = ", its part " + std::to_string(weight) + " of " + std::to_string(weights) +
                      " by MEMORY_WEIGHT";
            } else if (sharers.size() > 1) {
                how = ", shared by " + std::to_string(sharers.size()) + " workers";
            }
            // In two steps, so that no product can overflow: 10000 shares of 2^63 would.
            budgets_.workers[i].*part = MemoryPart{
                rest / weights * weight + rest % weights * weight / weights, words + how};
        }
        return rest;
    }

    void warn_nothing_left() {
        std::uint64_t claimed = 0;
        std::string names;
        for (std::size_t i = 0; i < budgets_.workers.size(); ++i) {
            const WorkerBudget& budget = budgets_.workers[i];
            if (configuration_.workers[i].settings.memory) {
                if (budget.soft) claimed += budget.soft->bytes;
            } else {
                names += (names.empty() ? "" : ", ") + budget.worker;
            }
        }
        // A container too small for the daemon itself is not the settings' fault.
        if (budgets_.unclaimed_bytes != 0 || claimed == 0 || names.empty()) return;
        warn("no memory is left to divide for " + names + " (" + soft_->words + ", less " +
             bytes_text(kDaemonReserveBytes) + " for pilotfish, less " + bytes_text(claimed) +
             " that others claim): lower the MEMORY of others, or give these theirs");
    }

    void bound_heap() {
        if (!soft_ || policy_.memory == cgroup::DerivePolicy::Memory::off) return;
        std::uint64_t others = 0;
        for (const WorkerBudget& budget : budgets_.workers)
            if (!budget.is_hosted && budget.soft) others += budget.soft->bytes;
        const std::uint64_t left = soft_->bytes > others ? soft_->bytes - others : 0;
        budgets_.heap_bytes = std::max(left, kDaemonReserveBytes);
    }

    void check_memory_sum() {
        std::uint64_t sum = 0;
        double shares = 0;
        std::string names;
        std::size_t claimers = 0;
        for (std::size_t i = 0; i < budgets_.workers.size(); ++i) {
            const auto& amount = configuration_.workers[i].settings.memory;
            if (!amount) continue;
            ++claimers;
            names += (names.empty() ? "" : ", ") + budgets_.workers[i].worker;
            sum += budgets_.workers[i].memory_bytes.value_or(0);
            if (amount->is_share) shares += amount->share;
        }
        if (claimers < 2) return;  // one alone is clamped
        constexpr double kRoundingError = 1e-9;
        if (memory_.bytes && sum > *memory_.bytes) {
            warn("the MEMORY settings of " + names + " add up to " + bytes_text(sum) +
                 ", which is more than " + memory_.words +
                 ": the kernel may kill one before it reaches its own; lower them, or raise the "
                 "container's");
        } else if (!memory_.bytes && shares > 1 + kRoundingError) {
            warn("the MEMORY settings of " + names + " add up to " + percent_of(shares) +
                 " of the container's memory: lower them to 100% or less");
        }
    }

    void check_cpu_sum() {
        double sum = 0;
        std::string names;
        std::size_t claimers = 0;
        for (const WorkerBudget& budget : budgets_.workers) {
            if (!budget.cpus) continue;
            ++claimers;
            names += (names.empty() ? "" : ", ") + budget.worker;
            sum += *budget.cpus;
        }
        constexpr double kRoundingError = 1e-6;
        if (claimers < 2 || sum <= cpu_.cpus + kRoundingError) return;
        warn("the CPU settings of " + names + " add up to " + cpus_words(sum) +
             ", which is more than " + cpu_.words +
             ": busy at once, none gets its own; lower them, or raise the container's");
    }

    const config::Configuration& configuration_;
    const core::Limits& limits_;
    const CpuBasis cpu_;
    const MemoryBasis memory_;
    const cgroup::DerivePolicy policy_;
    const std::optional<Soft> soft_;
    Budgets budgets_;
};

}  // namespace

const WorkerBudget* Budgets::find(std::string_view worker) const {
    for (const WorkerBudget& budget : workers)
        if (budget.worker == worker) return &budget;
    return nullptr;
}

Budgets make_budgets(const config::Configuration& configuration, const core::Limits& limits) {
    return Maker(configuration, limits).make();
}

double cpus_of(const config::CpuAmount& amount, const core::CpuLimit& cpu) {
    const double basis = basis_of(cpu).cpus;
    return amount.is_share ? amount.share * basis : std::min(amount.cpus, basis);
}

std::optional<std::uint64_t> bytes_of(const config::MemoryAmount& amount,
                                      const core::MemoryLimit& memory) {
    const std::optional<std::uint64_t> basis = basis_of(memory).bytes;
    if (!amount.is_share) return basis ? std::min(amount.size.count, *basis) : amount.size.count;
    if (!basis) return std::nullopt;
    return cgroup::share_of(*basis, amount.share);
}

}  // namespace pilotfish::daemon
