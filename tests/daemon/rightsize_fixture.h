// What the tests of the right-sizing rows share: the container of the README, and questions to it.
//
// One thread.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "daemon/rightsize.h"

namespace pilotfish::daemon {

inline constexpr std::uint64_t kMiB = 1u << 20;

// 1.5 CPUs of 8, 256 MiB, cgroup v2.
inline core::Limits container() {
    core::Limits limits;
    limits.cpu.state = core::LimitState::limited;
    limits.cpu.cpus = 1.5;
    limits.cpu.version = 2;
    limits.cpu.source = "/sys/fs/cgroup/cpu.max";
    limits.cpu.affinity = limits.cpu.online = 8;
    limits.cpu.levels.push_back({"/sys/fs/cgroup/cpu.max", 1.5, true});
    limits.memory.state = core::LimitState::limited;
    limits.memory.version = 2;
    limits.memory.limit_bytes = 256 * kMiB;
    limits.memory.source = "/sys/fs/cgroup/memory.max";
    limits.memory.levels.push_back({"/sys/fs/cgroup/memory.max", 256 * kMiB, std::nullopt, true});
    return limits;
}

class RightsizeTest : public testing::Test {
  protected:
    RightsizeTest() {
        request_.limits = &limits_;
        configuration_.workers.resize(1);
    }
    void user(std::vector<std::string> environment) {
        environment_ = std::move(environment);
        request_.environment = environment_;
    }
    void is(Language language, Version version = {}) {
        request_.program = {language, version, std::nullopt};
    }
    void go(GoVersion version) {
        request_.program = {Language::go, {version.major, version.minor, 0}, version};
    }
    void has_memory(std::uint64_t bytes) {
        limits_.memory.limit_bytes = bytes;
        limits_.memory.levels.back().max_bytes = bytes;
    }
    void limit_on_ancestor() {
        limits_.cpu.levels.insert(limits_.cpu.levels.begin(), {"/own/cpu.max", std::nullopt, true});
        limits_.memory.levels.insert(limits_.memory.levels.begin(),
                                     {"/own/memory.max", std::nullopt, std::nullopt, true});
    }
    // It shares the memory with so many others that are like it.
    void shares_with(std::size_t others) { configuration_.workers.resize(1 + others); }
    // Its MEMORY setting.
    void claims(std::uint64_t bytes) {
        configuration_.workers.front().settings.memory =
            config::MemoryAmount{.is_share = false, .size = {bytes}, .share = 0};
    }
    Rightsizing decide() const {
        RightsizeRequest request = request_;
        const Budgets budgets = make_budgets(configuration_, limits_);
        const WorkerBudget& budget = budgets.workers.front();
        request.worker_memory_bytes = budget.memory_bytes;
        request.soft = budget.soft;
        request.whole = budget.whole;
        request.memory_workers = static_cast<int>(budgets.workers.size());
        return rightsize(request);
    }
    std::vector<Hint> hints() const { return decide().hints; }
    // "-": not handed.
    std::string value(const std::string& name) const {
        for (const Hint& hint : hints())
            if (hint.name == name) return hint.value;
        return "-";
    }
    std::string reason(const std::string& name) const {
        for (const Hint& hint : hints())
            if (hint.name == name) return hint.reason;
        return "-";
    }
    // "-": nothing is said of it.
    std::string omitted(const std::string& name) const {
        for (const Omission& omission : decide().omissions)
            if (omission.name == name) return omission.reason;
        return "-";
    }
    core::Limits limits_ = container();
    config::Configuration configuration_;
    std::vector<std::string> environment_;
    std::vector<std::string> named_;
    RightsizeRequest request_;
};

}  // namespace pilotfish::daemon
