#include "daemon/budgets.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>

namespace pilotfish::daemon {
namespace {

constexpr std::uint64_t kMiB = 1u << 20;
constexpr std::uint64_t kSoft = 241591910;  // 90% of 256 MiB
constexpr std::uint64_t kRest = kSoft - kDaemonReserveBytes;

class BudgetsTest : public testing::Test {
  protected:
    BudgetsTest() {
        limits_.cpu.state = core::LimitState::limited;
        limits_.cpu.cpus = 2;
        limits_.cpu.affinity = limits_.cpu.online = 8;
        limits_.memory.state = core::LimitState::limited;
        limits_.memory.limit_bytes = 256 * kMiB;
        limits_.memory.total_bytes = 1024 * kMiB;
        limits_.memory.levels.push_back({"/memory.max", 256 * kMiB, std::nullopt, true});
    }
    void unlimited() {
        limits_.cpu.state = core::LimitState::unlimited;
        limits_.cpu.cpus.reset();
        limits_.memory.state = core::LimitState::unlimited;
        limits_.memory.limit_bytes.reset();
        limits_.memory.levels.clear();
    }
    config::WorkerSettings& worker(const std::string& name) {
        config::WorkerSettings& settings = configuration_.workers.emplace_back().settings;
        settings.name = name;
        return settings;
    }
    Budgets make() const { return make_budgets(configuration_, limits_); }
    std::string warnings() const {
        const std::vector<std::string> all = make().warnings;
        return std::accumulate(all.begin(), all.end(), std::string(),
                               [](const std::string& text, const std::string& warning) {
                                   return text + warning + "\n";
                               });
    }
    core::Limits limits_;
    config::Configuration configuration_;
};

config::MemoryAmount bytes(std::uint64_t count) {
    config::MemoryAmount amount;
    amount.size.count = count;
    return amount;
}
config::MemoryAmount memory_share(double share) {
    config::MemoryAmount amount;
    amount.is_share = true;
    amount.share = share;
    return amount;
}
config::CpuAmount cpus(double count) { return {.is_share = false, .cpus = count, .share = 0}; }
config::CpuAmount cpu_share(double share) { return {.is_share = true, .cpus = 0, .share = share}; }

TEST_F(BudgetsTest, OneWorkerHasAllButTheDaemonsReserve) {
    worker("web");
    const Budgets budgets = make();
    ASSERT_NE(budgets.find("web"), nullptr);
    EXPECT_EQ(budgets.find("web")->soft.value().bytes, kRest);
    EXPECT_EQ(budgets.find("web")->soft.value().words,
              "90% of 256 MiB of /memory.max, less 8 MiB for pilotfish");
    EXPECT_EQ(budgets.find("web")->memory_bytes, std::nullopt);
    EXPECT_EQ(budgets.find("web")->cpus, std::nullopt);
    EXPECT_EQ(budgets.heap_bytes, kDaemonReserveBytes);
    EXPECT_EQ(budgets.find("nobody"), nullptr);
    EXPECT_EQ(warnings(), "");
}

TEST_F(BudgetsTest, WhatNobodyClaimsIsDividedByWeight) {
    worker("a").memory_weight.count = 300;
    worker("b");
    worker("c").memory = bytes(100 * kMiB);
    const Budgets budgets = make();
    const std::uint64_t claimed = 90 * kMiB;  // the soft part of it
    EXPECT_EQ(budgets.unclaimed_bytes, kRest - claimed);
    EXPECT_EQ(budgets.find("a")->soft.value().bytes, (kRest - claimed) * 3 / 4);
    EXPECT_EQ(budgets.find("b")->soft.value().bytes, (kRest - claimed) / 4);
    EXPECT_EQ(budgets.find("c")->memory_bytes, 100 * kMiB);
    EXPECT_EQ(budgets.find("c")->soft.value().bytes, claimed);
    EXPECT_EQ(budgets.find("c")->soft.value().words,
              "90% of 100 MiB of the worker's MEMORY setting");
    EXPECT_NE(
        budgets.find("a")->soft.value().words.find("less 90 MiB that others claim, its part 300 of "
                                                   "400 by MEMORY_WEIGHT"),
        std::string::npos)
        << budgets.find("a")->soft.value().words;
}

TEST_F(BudgetsTest, EqualWeightsAreToldAsSharers) {
    worker("a");
    worker("b");
    worker("c");
    EXPECT_EQ(make().find("b")->soft.value().bytes, kRest / 3);
    EXPECT_TRUE(make().find("b")->soft.value().words.ends_with(", shared by 3 workers"));
}

TEST_F(BudgetsTest, TheSumOfAllPartsIsNeverMoreThanTheSoftLimit) {
    for (int weight = 1; weight <= 10000; weight *= 7)
        worker("w" + std::to_string(weight)).memory_weight.count = weight;
    limits_.memory.levels[0].max_bytes = UINT64_MAX / 4;
    limits_.memory.limit_bytes = UINT64_MAX / 4;
    limits_.memory.total_bytes = UINT64_MAX / 2;
    const Budgets budgets = make();
    std::uint64_t sum = kDaemonReserveBytes;
    for (const WorkerBudget& budget : budgets.workers) sum += budget.soft.value().bytes;
    EXPECT_LE(sum, budgets.soft_bytes.value());
    EXPECT_GT(sum, budgets.soft_bytes.value() - 100000);  // but for what division leaves
}

TEST_F(BudgetsTest, SharesAreOfTheContainersLimit) {
    auto& web = worker("web");
    web.memory = memory_share(0.25);
    web.memory_high = memory_share(0.125);
    web.cpu = cpu_share(0.5);
    EXPECT_EQ(make().find("web")->memory_bytes, 64 * kMiB);
    EXPECT_EQ(make().find("web")->memory_high_bytes, 32 * kMiB);
    EXPECT_EQ(make().find("web")->cpus, 1.0);
}

TEST_F(BudgetsTest, SharesAreOfTheMachineWhereTheContainerHasNoLimit) {
    unlimited();
    auto& web = worker("web");
    web.memory = memory_share(0.25);
    web.cpu = cpu_share(0.5);
    EXPECT_EQ(make().find("web")->memory_bytes, 256 * kMiB);
    EXPECT_EQ(make().find("web")->soft.value().bytes, kSoft);  // 90% of it
    EXPECT_EQ(make().find("web")->cpus, 4.0);
    EXPECT_EQ(make().heap_bytes, std::nullopt);
    EXPECT_EQ(make().soft_bytes, std::nullopt);
}

TEST_F(BudgetsTest, AShareOfMemoryThatNobodyKnowsIsNone) {
    unlimited();
    limits_.memory.total_bytes.reset();
    worker("a").memory = memory_share(0.6);
    worker("b").memory = memory_share(0.6);
    worker("c").memory = bytes(64 * kMiB);
    EXPECT_EQ(make().find("a")->memory_bytes, std::nullopt);
    EXPECT_EQ(make().find("a")->soft, std::nullopt);
    EXPECT_EQ(make().find("c")->memory_bytes, 64 * kMiB);
    EXPECT_NE(warnings().find("add up to 120% of the container's memory"), std::string::npos)
        << warnings();
}

TEST_F(BudgetsTest, AClaimAboveTheContainersLimitCountsAsThatAndIsToldWithItsMend) {
    auto& web = worker("web");
    web.memory = bytes(512 * kMiB);
    web.cpu = cpus(3);
    EXPECT_EQ(make().find("web")->memory_bytes, 256 * kMiB);
    EXPECT_EQ(make().find("web")->cpus, 2.0);
    EXPECT_EQ(warnings(),
              "PILOTFISH_WORKER_WEB_MEMORY (512 MiB) is above the container's limit of 256 MiB and "
              "counts as that: lower PILOTFISH_WORKER_WEB_MEMORY, or raise the container's\n"
              "PILOTFISH_WORKER_WEB_CPU (3 CPUs) is above the container's limit of 2 CPUs and "
              "counts as that: lower PILOTFISH_WORKER_WEB_CPU, or raise the container's\n");
}

TEST_F(BudgetsTest, MoreClaimedThanThereIsIsToldWithTheFigures) {
    worker("a").memory = bytes(200 * kMiB);
    worker("b").memory = memory_share(0.5);
    EXPECT_EQ(warnings(),
              "the MEMORY settings of a, b add up to 328 MiB, which is more than the container's "
              "limit of 256 MiB: the kernel may kill one before it reaches its own; lower them, or "
              "raise the container's\n");
    configuration_.workers[0].settings.memory = bytes(128 * kMiB);
    EXPECT_EQ(warnings(), "");
}

TEST_F(BudgetsTest, MoreProcessorsClaimedThanThereAreIsToldWithTheFigures) {
    worker("a").cpu = cpus(1.5);
    worker("b").cpu = cpu_share(0.5);
    EXPECT_EQ(warnings(),
              "the CPU settings of a, b add up to 2.5 CPUs, which is more than the container's "
              "limit of 2 CPUs: busy at once, none gets its own; lower them, or raise the "
              "container's\n");
    configuration_.workers[0].settings.cpu = cpus(1);
    EXPECT_EQ(warnings(), "");
}

TEST_F(BudgetsTest, WhoGetsNothingBecauseOthersClaimAllIsNamed) {
    worker("greedy").memory = memory_share(1);
    worker("web");
    EXPECT_EQ(make().find("web")->soft, std::nullopt);
    EXPECT_NE(warnings().find("no memory is left to divide for web"), std::string::npos)
        << warnings();
}

TEST_F(BudgetsTest, TheHeapOfHostedTasksAloneIsTheWholeSoftLimit) {
    worker("plugin").plugin = "/plugin.so";
    EXPECT_EQ(make().heap_bytes, kSoft);
}

TEST_F(BudgetsTest, HostedTasksCountWithTheDaemon) {
    worker("plugin").plugin = "/plugin.so";
    worker("web");
    const Budgets budgets = make();
    EXPECT_EQ(budgets.find("web")->soft.value().bytes, kRest / 2);
    EXPECT_EQ(budgets.heap_bytes, kSoft - kRest / 2);
    EXPECT_TRUE(budgets.find("plugin")->is_hosted);
}

TEST_F(BudgetsTest, ASidecarsHeapHasTheWholeSoftLimit) { EXPECT_EQ(make().heap_bytes, kSoft); }

TEST_F(BudgetsTest, TheHeapIsNeverGivenLessThanTheReserve) {
    worker("a").memory = bytes(256 * kMiB);
    EXPECT_EQ(make().heap_bytes, kDaemonReserveBytes);
}

TEST_F(BudgetsTest, MemoryHighItselfIsDividedWhereItIsLeast) {
    limits_.memory.levels[0].high_bytes = 100 * kMiB;
    worker("web");
    EXPECT_EQ(make().find("web")->soft.value().bytes, 92 * kMiB);
    EXPECT_TRUE(make().find("web")->soft.value().words.starts_with("memory.high, 100 MiB of "));
}

TEST_F(BudgetsTest, ASoftLimitOfOffEndsTheDaemonsStepsAndNotTheHints) {
    configuration_.settings.memory_limit.kind = config::MemoryLimitSetting::Kind::off;
    worker("web");
    EXPECT_EQ(make().heap_bytes, std::nullopt);
    EXPECT_EQ(make().find("web")->soft.value().bytes, kRest);
}

TEST_F(BudgetsTest, ASoftLimitOfASizeIsWhatIsDivided) {
    configuration_.settings.memory_limit.kind = config::MemoryLimitSetting::Kind::size;
    configuration_.settings.memory_limit.size.count = 100 * kMiB;
    worker("web");
    EXPECT_EQ(make().find("web")->soft.value().bytes, 92 * kMiB);
    unlimited();
    EXPECT_EQ(make().find("web")->soft.value().bytes, 92 * kMiB);
}

}  // namespace
}  // namespace pilotfish::daemon
