#include "daemon/doctor.h"

#include <gtest/gtest.h>
#include <linux/capability.h>

#include <algorithm>
#include <cerrno>

#include "tests/config/environment.h"

namespace pilotfish::daemon {
namespace {

using http::Finding;
using http::Verdict;

// A good container: each test spoils one thing of it.
class Doctor : public testing::Test {
  protected:
    void SetUp() override {
        limits_.cpu.state = core::LimitState::limited;
        limits_.cpu.cpus = 1.5;
        limits_.memory.state = core::LimitState::limited;
        limits_.memory.limit_bytes = 256 << 20;
        derived_.maxprocs_reason = "1.5 CPUs of /sys/fs/cgroup/cpu.max, rounded up";
        derived_.soft_limit_reason = "90% of 256 MiB";
        facts_.pid = 1;
        facts_.uid = 65534;
        facts_.capabilities = 1ULL << CAP_SYS_PTRACE;
        facts_.no_new_privileges = true;
        facts_.open_files = facts_.open_files_most = 1024;
        facts_.has_pressure = true;
        facts_.groups_writable = true;
    }

    std::vector<Finding> examine_it() {
        const config::Environment environment(entries_);
        const auto configuration = config::load(environment.get(), config::as_run());
        return examine({configuration, limits_, derived_, facts_});
    }
    Finding find(const std::string& item) {
        for (const Finding& finding : examine_it())
            if (finding.item == item && (finding.verdict != Verdict::ok || item != "settings"))
                return finding;
        ADD_FAILURE() << "nothing was said of " << item;
        return {};
    }

    std::vector<std::string> entries_;
    core::Limits limits_;
    core::DerivedLimits derived_;
    ContainerFacts facts_;
};

TEST_F(Doctor, FindsNothingToMendInAGoodContainer) {
    const auto findings = examine_it();
    EXPECT_GE(findings.size(), 12u);
    for (const Finding& finding : findings) {
        EXPECT_EQ(finding.verdict, Verdict::ok) << finding.item << ": " << finding.what;
        EXPECT_EQ(finding.mend, "") << finding.item;
        EXPECT_NE(finding.what, "") << finding.item;
    }
    EXPECT_EQ(exit_code(findings), 0);
}

TEST_F(Doctor, SaysFirstThatTheConfigurationIsWrongAndGoesOn) {
    entries_ = {"PILOTFISH_MAXPROCS=many"};
    const auto findings = examine_it();
    EXPECT_EQ(findings.front().verdict, Verdict::failed);
    EXPECT_NE(findings.front().what.find("PILOTFISH_MAXPROCS"), std::string::npos);
    EXPECT_EQ(exit_code(findings), 1);
    EXPECT_EQ(find("memory limit").verdict, Verdict::ok);
}

TEST_F(Doctor, WarnsWithoutAMemoryLimitAndFailsWithAnUnreadableOne) {
    limits_.memory.state = core::LimitState::unlimited;
    EXPECT_EQ(find("memory limit").verdict, Verdict::warning);
    EXPECT_NE(find("memory limit").mend.find("memory"), std::string::npos);
    limits_.memory.state = core::LimitState::unknown;
    limits_.warnings = {"cannot read memory.max"};
    EXPECT_EQ(find("memory limit").verdict, Verdict::failed);
    EXPECT_EQ(find("memory limit").what, "cannot read memory.max");
    EXPECT_EQ(exit_code(examine_it()), 1);
}

TEST_F(Doctor, WarnsOfRootUnlessAWorkerChangesItsUser) {
    facts_.uid = 0;
    EXPECT_EQ(find("user").verdict, Verdict::warning);
    entries_ = {"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_COMMAND=true",
                "PILOTFISH_WORKER_WEB_USER=65534"};
    EXPECT_EQ(find("user").verdict, Verdict::ok);
}

TEST_F(Doctor, CountsTheOpenFilesThatWorkersNeed) {
    facts_.open_files = 64;
    facts_.open_files_most = 4096;
    entries_ = {"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_COMMAND=true"};
    EXPECT_EQ(find("open files").verdict, Verdict::failed);
    EXPECT_EQ(find("open files").mend, "ulimit -n 69");
    facts_.open_files_most = 64;
    EXPECT_NE(find("open files").mend.find("--ulimit"), std::string::npos);
}

TEST_F(Doctor, WantsProbesThatTheKubeletCanReach) {
    EXPECT_EQ(find("probes").verdict, Verdict::ok);
    facts_.is_kubernetes = true;
    EXPECT_EQ(find("probes").verdict, Verdict::warning);
    entries_ = {"PILOTFISH_PROBE_LISTEN=[::]:9912"};
    EXPECT_EQ(find("probes").verdict, Verdict::ok);
}

TEST_F(Doctor, WantsATokenOutsideAndThatInAFile) {
    entries_ = {"PILOTFISH_ADMIN_LISTEN=0.0.0.0:9911"};
    EXPECT_EQ(find("access").verdict, Verdict::warning);
    entries_.push_back("PILOTFISH_ADMIN_TOKEN=0123456789abcdef0123456789abcdef");
    EXPECT_NE(find("access").what.find("environment"), std::string::npos);
    entries_.back() = "PILOTFISH_ADMIN_TOKEN_FILE=/run/token";
    EXPECT_EQ(find("access").verdict, Verdict::ok);
}

TEST_F(Doctor, NamesWhatForbidsToTrace) {
    facts_.trials.trace = EPERM;
    facts_.is_filtered = true;
    EXPECT_NE(find("stacks of workers").what.find("seccomp"), std::string::npos);
    facts_.yama_scope = 2;
    EXPECT_NE(find("stacks of workers").what.find("ptrace_scope is 2"), std::string::npos);
    EXPECT_NE(find("stacks of workers").mend.find("SYS_PTRACE"), std::string::npos);
    facts_.yama_scope = 3;  // which no capability helps against
    EXPECT_EQ(find("stacks of workers").mend.find("SYS_PTRACE"), std::string::npos);
    facts_.capabilities = 0;
    EXPECT_EQ(find("stacks of others").verdict, Verdict::warning);
}

TEST_F(Doctor, SaysByWhichWayAWorkerIsProfiled) {
    EXPECT_NE(find("profiles of workers").what.find("perf"), std::string::npos);
    facts_.trials.perf = EACCES;
    facts_.perf_paranoid = 4;
    const Finding slower = find("profiles of workers");
    EXPECT_EQ(slower.verdict, Verdict::warning);
    EXPECT_NE(slower.what.find("by ptrace instead"), std::string::npos);
    EXPECT_NE(slower.mend.find("perf_event_paranoid=2"), std::string::npos);
    facts_.trials.trace = EPERM;
    EXPECT_NE(find("profiles of workers").what.find("and so is ptrace"), std::string::npos);
}

TEST_F(Doctor, IsReadByPeople) {
    limits_.memory.state = core::LimitState::unlimited;
    const std::string text = findings_text(examine_it(), false);
    EXPECT_NE(text.find("memory limit"), std::string::npos);
    EXPECT_NE(text.find("warning: none"), std::string::npos);
    EXPECT_NE(text.find("mend: "), std::string::npos);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace pilotfish::daemon
