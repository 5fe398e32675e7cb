#include "daemon/oom_verdict.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "cgroup/limits_reader.h"
#include "core/check.h"
#include "core/runtime.h"
#include "tests/support/test_support.h"

namespace pilotfish::daemon {
namespace {

using namespace std::chrono_literals;
using Finding = OomVerdict::Finding;

cgroup::FileSource source_of(const tests::TempDir& container) {
    auto source = cgroup::FileSource::replay(container.path());
    PF_CHECK(source.ok(), "cannot replay");
    return std::move(source).value();
}

class OomWatchTest : public testing::TestWithParam<int> {
  protected:
    OomWatchTest() {
        if (version() == 2) {
            container_.write("proc/self/cgroup", "0::/c\n");
            container_.write("proc/self/mountinfo", "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n");
        } else {
            container_.write("proc/self/cgroup", "4:memory:/c\n");
            container_.write("proc/self/mountinfo",
                             "76 72 0:32 / /cg rw - cgroup cgroup rw,memory\n");
        }
        describe("cg/c", "268435456", "262144000");
        count("cg/c", 3);
        watch_ = std::make_unique<OomWatch>(
            source_, [this] { return cgroup::read_limits(source_); },
            [this](const std::string& subject, const std::string& text) {
                told_.push_back(subject + ": " + text);
            });
    }

    int version() const { return GetParam(); }
    void describe(const std::string& group, const std::string& limit, const std::string& peak) {
        const bool v2 = version() == 2;
        container_.write(group + (v2 ? "/memory.max" : "/memory.limit_in_bytes"), limit + "\n");
        container_.write(group + (v2 ? "/memory.peak" : "/memory.max_usage_in_bytes"), peak + "\n");
    }
    void count(const std::string& group, int kills, int group_kills = 0) {
        container_.write(group + (version() == 2 ? "/memory.events" : "/memory.oom_control"),
                         "oom " + std::to_string(limit_hits_) + "\noom_kill " +
                             std::to_string(kills) + "\noom_group_kill " +
                             std::to_string(group_kills) + "\n");
    }
    // What happens in a group below counts in the container's own on v2 alone.
    void count_below(const std::string& group, int kills, int in_container, int group_kills = 0) {
        count(group, kills, group_kills);
        if (version() == 2) count("cg/c", in_container);
    }
    core::Task<int> judge_into(std::string worker, OomVerdict& verdict) {
        verdict = co_await watch_->judge(worker, now_);
        co_return 0;
    }
    OomVerdict judge(const std::string& worker) {
        core::Runtime runtime;
        OomVerdict verdict;
        runtime.run(judge_into(worker, verdict));
        return verdict;
    }

    int limit_hits_ = 9;  // of v2, as the next count() says it
    tests::TempDir container_;
    cgroup::FileSource source_ = source_of(container_);
    std::unique_ptr<OomWatch> watch_;
    std::vector<std::string> told_;
    const OomWatch::TimePoint now_ = std::chrono::steady_clock::now();
};

INSTANTIATE_TEST_SUITE_P(OfVersion, OomWatchTest, testing::Values(1, 2));

TEST_P(OomWatchTest, ARiseOfTheContainersCountMakesAnOomKillOfASigkill) {
    watch_->begin(now_);
    count("cg/c", 4);
    const OomVerdict verdict = judge("web");
    EXPECT_EQ(verdict.finding, Finding::out_of_memory);
    EXPECT_EQ(verdict.cause, "out of memory (container limit 256 MiB, peak 250 MiB)");
    EXPECT_EQ(watch_->kills_of("web"), 1u);
    EXPECT_EQ(judge("db").finding, Finding::something_else) << "one kill, one death";
    watch_->look(now_ + 1h);
    EXPECT_TRUE(told_.empty()) << told_.front();
}

TEST_P(OomWatchTest, WithoutARiseItWasSomebodyElse) {
    watch_->begin(now_);
    const OomVerdict verdict = judge("web");
    EXPECT_EQ(verdict.finding, Finding::something_else);
    EXPECT_EQ(verdict.cause, "");
    EXPECT_EQ(watch_->kills_of("web"), 0u);
}

TEST_P(OomWatchTest, WithoutACountNothingIsClaimed) {
    EXPECT_EQ(judge("web").finding, Finding::cannot_tell) << "not begun";
    container_.write(version() == 2 ? "cg/c/memory.events" : "cg/c/memory.oom_control", "");
    watch_->begin(now_);
    EXPECT_EQ(judge("web").finding, Finding::cannot_tell);
}

TEST_P(OomWatchTest, AKillOfAWorkersChildIsToldAndEndsNobody) {
    watch_->begin(now_);
    count("cg/c", 5);
    watch_->look(now_ + 1s);
    EXPECT_TRUE(told_.empty()) << "a worker may be ending";
    watch_->look(now_ + 4s);
    ASSERT_EQ(told_.size(), 1u);
    EXPECT_EQ(told_[0],
              ": 2 processes of the container, no worker's main one, were killed by "
              "the kernel: out of memory (container limit 256 MiB, peak 250 MiB)");
    EXPECT_EQ(judge("web").finding, Finding::cannot_tell) << "it may have been that one's end";
}

TEST_P(OomWatchTest, TheCountOfAWorkersOwnGroupIsProof) {
    watch_->begin(now_);
    describe("cg/c/web", "67108864", "67108864");
    count("cg/c/web", 0);
    count("cg/c/db", 0);
    watch_->add_group("web", "/cg/c/web", version());
    watch_->add_group("db", "/cg/c/db", version());
    ++limit_hits_;
    container_.write("cg/c/web/memory.failcnt", "1\n");
    count_below("cg/c/web", 1, 4);
    EXPECT_EQ(judge("db").finding, Finding::something_else) << "the kill was in another group";
    const OomVerdict verdict = judge("web");
    EXPECT_EQ(verdict.finding, Finding::out_of_memory);
    EXPECT_EQ(verdict.cause, "out of memory (worker's limit 64 MiB, peak 64 MiB)");
    EXPECT_EQ(watch_->kills_of("web"), 1u);
    EXPECT_EQ(watch_->kills_of("db"), 0u);
    EXPECT_EQ(watch_->kills_below(), version() == 1 ? 1u : 0u);
    watch_->look(now_ + 1h);
    EXPECT_TRUE(told_.empty()) << told_.front();
}

TEST_P(OomWatchTest, ACapThatWasNotHitIsNotBlamed) {
    watch_->begin(now_);
    describe("cg/c/web", "67108864", "60000000");
    count("cg/c/web", 0);
    watch_->add_group("web", "/cg/c/web", version());
    container_.write("cg/c/web/memory.failcnt", "1\n");
    count_below("cg/c/web", 1, 4);
    EXPECT_EQ(judge("web").cause, "out of memory (container limit 256 MiB, peak 250 MiB)");
    describe("cg/c/web", "67108864", "67108864");  // full of page cache once: reclaim did it
    watch_->run_begins(now_);
    count_below("cg/c/web", 2, 5);
    EXPECT_EQ(judge("web").cause, "out of memory (container limit 256 MiB, peak 250 MiB)");
}

TEST_P(OomWatchTest, AKillBeforeTheRunIsNotItsEnd) {
    watch_->begin(now_);
    count("cg/c/web", 0);
    watch_->add_group("web", "/cg/c/web", version());
    count("cg/c", 4);
    count_below("cg/c/web", 1, 5);
    watch_->run_begins(now_ - 1h);  // nobody looks in between
    EXPECT_EQ(judge("web").finding, Finding::something_else);
    EXPECT_EQ(judge("db").finding, Finding::something_else);
}

TEST_P(OomWatchTest, AShellsVictimIsNamedOnlyWhereNoOtherWorkerCouldBeMeant) {
    watch_->count_workers(2);
    watch_->begin(now_);
    count("cg/c", 4);
    EXPECT_EQ(watch_->judge_child("main", now_), std::nullopt);
    count("cg/c/db", 0);
    watch_->add_group("db", "/cg/c/db", version());
    EXPECT_NE(watch_->judge_child("main", now_), std::nullopt) << "db's are counted in its group";
}

TEST_P(OomWatchTest, OnV1GroupsThatAWorkerMadeMayHideKills) {
    watch_->begin(now_);
    count("cg/c/web", 0);
    watch_->add_group("web", "/cg/c/web", version());
    EXPECT_EQ(judge("web").finding, Finding::something_else);
    EXPECT_EQ(judge("db").finding, Finding::something_else) << "web's group is watched";
    container_.write("cg/c/web/inner/cgroup.procs", "");
    EXPECT_EQ(judge("web").finding,
              version() == 2 ? Finding::something_else : Finding::cannot_tell);
}

TEST_P(OomWatchTest, AWholeGroupThatWasTakenIsOneVerdictThatSaysSo) {
    watch_->begin(now_);
    count("cg/c/web", 0);
    watch_->add_group("web", "/cg/c/web", version());
    count_below("cg/c/web", 5, 8, 1);
    const OomVerdict verdict = judge("web");
    EXPECT_EQ(verdict.cause,
              "out of memory (container limit 256 MiB, peak 250 MiB), with all processes of its "
              "group (memory.oom.group)");
    EXPECT_EQ(watch_->kills_of("web"), 5u);
    EXPECT_EQ(watch_->finish(now_ + 1h), "");
}

TEST_P(OomWatchTest, AKillInAWorkersGroupThatWasNotItsMainProcessNamesTheWorker) {
    watch_->begin(now_);
    count("cg/c/web", 0);
    watch_->add_group("web", "/cg/c/web", version());
    count_below("cg/c/web", 1, 4);
    watch_->look(now_ + 1s);
    watch_->look(now_ + 4s);
    ASSERT_EQ(told_.size(), 1u);
    EXPECT_EQ(told_[0].find("web: a process of web, not its main one, was killed by the kernel"),
              0u)
        << told_[0];
}

TEST_P(OomWatchTest, WhatTheGroupCountedIsToldBeforeItIsRemoved) {
    watch_->begin(now_);
    count("cg/c/web", 0);
    watch_->add_group("web", "/cg/c/web", version());
    count_below("cg/c/web", 1, 4);
    watch_->remove_group("web");
    EXPECT_EQ(told_.size(), 1u);
    EXPECT_EQ(watch_->finish(now_), "");
    EXPECT_EQ(watch_->kills_of("web"), 1u);
}

TEST_P(OomWatchTest, AShellThatPassesOnTheStatusOfItsVictimNamesTheCause) {
    watch_->begin(now_);
    EXPECT_EQ(watch_->judge_child("main", now_), std::nullopt);
    count("cg/c", 4);
    EXPECT_EQ(watch_->judge_child("main", now_),
              "out of memory (container limit 256 MiB, peak 250 MiB)");
}

TEST_P(OomWatchTest, AtTheEndWhatNobodyClaimedIsPartOfTheVerdict) {
    watch_->begin(now_);
    count("cg/c", 4);
    const std::string text = watch_->finish(now_);
    EXPECT_EQ(text.find("a process of the container, no worker's main one, was killed"), 0u)
        << text;
    EXPECT_EQ(told_.size(), 1u);
}

TEST_P(OomWatchTest, AMoveToAnotherGroupLeavesTheRunsOfThenInDoubt) {
    watch_->begin(now_);
    describe("cg/d", "268435456", "1");
    count("cg/d", 70);
    container_.write("proc/self/cgroup", version() == 2 ? "0::/d\n" : "4:memory:/d\n");
    watch_->limits_changed(now_ + 1s);
    EXPECT_EQ(judge("web").finding, Finding::cannot_tell);
    EXPECT_EQ(watch_->finish(now_ + 2s), "") << "the other group's history";
}

TEST_P(OomWatchTest, ALimitThatChangesIsNoMove) {
    watch_->begin(now_);
    describe("cg/c", "134217728", "262144000");
    watch_->limits_changed(now_ + 1s);
    EXPECT_EQ(judge("web").finding, Finding::something_else);
    count("cg/c", 4);
    EXPECT_EQ(judge("web").cause, "out of memory (container limit 128 MiB, peak 250 MiB)");
}

TEST_P(OomWatchTest, WithoutALimitTheMachineOrAGroupAboveRanOut) {
    describe("cg/c", version() == 2 ? "max" : "9223372036854771712", "4096");
    watch_->begin(now_);
    count("cg/c", 4);
    EXPECT_EQ(judge("web").cause,
              "out of memory (no limit of the container shows: the machine, or a group above it)");
}

}  // namespace
}  // namespace pilotfish::daemon
