#include "daemon/rightsize_row.h"

#include <algorithm>

namespace pilotfish::daemon {
namespace {

// Below this a limit would only make a runtime collect without end. Chosen, not measured.
constexpr std::uint64_t kLeastMemoryBytes = 16u << 20;

std::optional<Processors> processors_of(const RightsizeRequest& request) {
    const core::CpuLimit& cpu = request.limits->cpu;
    const bool limited = cpu.state == core::LimitState::limited && cpu.cpus.has_value();
    double cpus = limited ? *cpu.cpus : cpu.affinity;
    Processors processors;
    if (limited) {
        processors.words = cgroup::cpus_words(cpus) + " of " + cpu.source;
        processors.of_own_group = !request.own_group.is_below_for_cpu && !cpu.levels.empty() &&
                                  cpu.levels.front().source == cpu.source;
        processors.of_container = true;
    }
    if (request.worker_cpus && *request.worker_cpus < cpus) {
        cpus = *request.worker_cpus;
        processors.words = cgroup::cpus_words(cpus) + " of the worker's CPU setting";
        processors.of_own_group = false;
        processors.of_container = false;
    }
    // Never above the container's, so it is what holds.
    if (request.own_group.cpu_cap_in_force) processors.of_own_group = true;
    if (cpus >= cpu.affinity) return std::nullopt;
    processors.count = cgroup::round_cpus(cpus, request.policy.rounding,
                                          request.policy.maxprocs_min, cpu.affinity);
    return processors;
}

std::optional<MemoryPart> enough(const std::optional<MemoryPart>& part) {
    return part && part->bytes >= kLeastMemoryBytes ? part : std::nullopt;
}

}  // namespace

Situation::Situation(const RightsizeRequest& request)
    : request_(request), processors_(processors_of(request)) {}

std::optional<MemoryPart> Situation::memory() const { return enough(request_.whole); }
std::optional<MemoryPart> Situation::soft_memory() const { return enough(request_.soft); }

std::optional<std::uint64_t> Situation::memory_of_own_group() const {
    const core::MemoryLimit& memory = request_.limits->memory;
    if (request_.own_group.memory_cap_in_force) return request_.worker_memory_bytes;
    const bool own = !request_.own_group.is_below_for_memory && !memory.levels.empty() &&
                     memory.levels.front().source == memory.source;
    return own ? memory.limit_bytes : std::nullopt;
}

std::optional<std::string_view> Situation::user_value(std::string_view name) const {
    for (const std::string& entry : request_.environment)
        if (entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name))
            return std::string_view(entry).substr(name.size() + 1);
    return std::nullopt;
}

bool Situation::user_text_has(std::string_view name,
                              std::initializer_list<std::string_view> parts) const {
    const auto text = user_value(name);
    return text && std::any_of(parts.begin(), parts.end(), [&](std::string_view part) {
               return text->find(part) != std::string_view::npos;
           });
}

std::string Situation::before_users(std::string_view name, std::string ours, char between) const {
    const auto text = user_value(name);
    if (text && !text->empty()) ours.append(1, between).append(*text);
    return ours;
}

Proposal processor_count(const Situation& situation) {
    const auto& processors = situation.processors();
    if (!processors) return {};
    return {std::to_string(processors->count), processors->words};
}

std::array<std::span<const RightsizeRow>, 8> rightsize_table() {
    return {go_rows(),   thread_pool_rows(), malloc_rows(), node_rows(),
            java_rows(), language_rows(),    build_rows(),  server_rows()};
}

std::vector<std::string_view> rightsize_programs() {
    std::vector<std::string_view> names;
    for (const auto& rows : rightsize_table())
        for (const RightsizeRow& row : rows)
            if (!row.program.empty() &&
                std::find(names.begin(), names.end(), row.program) == names.end())
                names.push_back(row.program);
    return names;
}

}  // namespace pilotfish::daemon
