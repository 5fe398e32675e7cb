#include "daemon/reactions.h"

#include <gtest/gtest.h>

#include "tests/config/environment.h"

namespace pilotfish::daemon {
namespace {

config::Configuration configured(std::initializer_list<std::string> entries) {
    const config::Environment environment(entries);
    config::Invocation invocation;
    invocation.action = config::Action::run;
    auto loaded = config::load(environment.get(), invocation);
    EXPECT_TRUE(loaded.ok()) << loaded.error().message;
    return std::move(loaded.value());
}

core::Limits limits(double cpus, std::uint64_t bytes) {
    core::Limits limits;
    limits.cpu.state = core::LimitState::limited;
    limits.cpu.cpus = cpus;
    limits.cpu.affinity = 8;
    limits.memory.state = core::LimitState::limited;
    limits.memory.limit_bytes = bytes;
    limits.memory.levels = {{"/cg/memory.max", bytes, std::nullopt, true, false}};
    return limits;
}

cgroup::LimitsEvent event(core::Limits before, core::Limits after) {
    cgroup::LimitsEvent event;
    event.before = std::move(before);
    event.after = std::move(after);
    return event;
}

constexpr std::uint64_t kGiB = 1u << 30;

TEST(ResizeFilter, AnEventMattersWhereProcessorsSoftLimitOrABudgetChange) {
    const config::Configuration plain =
        configured({"PILOTFISH_WORKERS=a", "PILOTFISH_WORKER_A_COMMAND=x"});
    EXPECT_TRUE(ResizeFilter().matters(plain, event(limits(2, kGiB), limits(3, kGiB))));
    EXPECT_TRUE(ResizeFilter().matters(plain, event(limits(2, kGiB), limits(2, 2 * kGiB))));
    // Rounded up it is the same.
    EXPECT_FALSE(ResizeFilter().matters(plain, event(limits(1.5, kGiB), limits(1.6, kGiB))));
    const config::Configuration share = configured(
        {"PILOTFISH_WORKERS=a", "PILOTFISH_WORKER_A_COMMAND=x", "PILOTFISH_WORKER_A_CPU=50%"});
    EXPECT_TRUE(ResizeFilter().matters(share, event(limits(1.5, kGiB), limits(1.6, kGiB))));
}

TEST(ResizeFilter, WhatCannotBeReadForAWhileIsNoResize) {
    const config::Configuration plain =
        configured({"PILOTFISH_WORKERS=a", "PILOTFISH_WORKER_A_COMMAND=x"});
    core::Limits unknown = limits(2, kGiB);
    unknown.cpu.state = core::LimitState::unknown;
    unknown.cpu.cpus.reset();
    ResizeFilter same;
    EXPECT_FALSE(same.matters(plain, event(limits(2, kGiB), unknown)));
    EXPECT_FALSE(same.matters(plain, event(unknown, limits(2, kGiB))));
    ResizeFilter other;
    EXPECT_FALSE(other.matters(plain, event(limits(2, kGiB), unknown)));
    EXPECT_TRUE(other.matters(plain, event(unknown, limits(4, kGiB))));
    ResizeFilter at_start;
    EXPECT_FALSE(at_start.matters(plain, event(unknown, limits(4, kGiB))));
    EXPECT_TRUE(at_start.matters(plain, event(limits(4, kGiB), limits(5, kGiB))));
}

TEST(AfterOrder, PutsEachBehindThoseItComesAfter) {
    const config::Configuration chain =
        configured({"PILOTFISH_WORKERS=web,cache,db", "PILOTFISH_WORKER_WEB_COMMAND=x",
                    "PILOTFISH_WORKER_WEB_AFTER=cache", "PILOTFISH_WORKER_CACHE_COMMAND=x",
                    "PILOTFISH_WORKER_CACHE_AFTER=db", "PILOTFISH_WORKER_DB_COMMAND=x"});
    EXPECT_EQ(after_order(chain), (std::vector<std::string>{"db", "cache", "web"}));
}

}  // namespace
}  // namespace pilotfish::daemon
