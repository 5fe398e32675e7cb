// `pilotfish limits` over files that are missing, unreadable or nonsense.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"
#include "tests/support/test_support.h"

namespace pilotfish::e2e {
namespace {

class LimitsCommand : public EndToEnd {};

// The files of a v2 container with 1.5 processors and 256 MiB.
class Container {
  public:
    Container() {
        dir_.write("proc/self/cgroup", "0::/\n");
        dir_.write(
            "proc/self/mountinfo",
            "59 58 0:25 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw\n");
        dir_.write("sys/fs/cgroup/cpu.max", "150000 100000\n");
        dir_.write("sys/fs/cgroup/memory.max", "268435456\n");
        dir_.write("sys/fs/cgroup/memory.high", "max\n");
        dir_.write("sys/devices/system/cpu/online", "0-7\n");
        dir_.write("proc/meminfo", "MemTotal:       16384000 kB\n");
    }
    void write(const std::string& file, const std::string& text) const { dir_.write(file, text); }
    std::string path(const std::string& file) const { return dir_.path() + "/" + file; }
    Outcome limits() const { return run({pilotfish(), "limits", "--json", "--root", dir_.path()}); }

  private:
    tests::TempDir dir_;
};

TEST_F(LimitsCommand, ShowsWhatTheFilesSay) {
    const Outcome outcome = Container().limits();
    EXPECT_EQ(outcome.end, exited(0)) << outcome.err;
    for (const char* part : {R"("cpus":1.5)", R"("maxprocs":2)", R"("limit_bytes":268435456)",
                             R"("soft_limit_bytes":241591910)"})
        EXPECT_NE(outcome.out.find(part), std::string::npos) << part << " in " << outcome.out;
}

TEST_F(LimitsCommand, CallsAMalformedFileUnknownAndNamesIt) {
    for (const char* nonsense : {"", "banana\n", "-5 100000\n", "150000 0\n",
                                 "99999999999999999999999 1\n", "1e5 100000\n"}) {
        const Container container;
        container.write("sys/fs/cgroup/cpu.max", nonsense);
        const Outcome outcome = container.limits();
        EXPECT_EQ(outcome.end, exited(0)) << outcome.err;
        EXPECT_NE(outcome.out.find(R"("state":"unknown")"), std::string::npos)
            << nonsense << outcome.out;
        EXPECT_NE(outcome.out.find("cpu.max"), std::string::npos) << nonsense << outcome.out;
    }
}

TEST_F(LimitsCommand, CallsAnUnreadableFileUnknownAndNamesIt) {
    const Container container;  // a directory in its place cannot be read by root either
    ASSERT_EQ(unlink(container.path("sys/fs/cgroup/memory.max").c_str()), 0);
    ASSERT_EQ(mkdir(container.path("sys/fs/cgroup/memory.max").c_str(), 0755), 0);
    const Outcome outcome = container.limits();
    EXPECT_EQ(outcome.end, exited(0)) << outcome.err;
    EXPECT_NE(outcome.out.find(R"("state":"unknown")"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("memory.max"), std::string::npos) << outcome.out;
}

TEST_F(LimitsCommand, RefusesARootThatIsNotThere) {
    const Outcome outcome = run({pilotfish(), "limits", "--root", "/no/such/root"});
    EXPECT_EQ(outcome.end, exited(2));
    EXPECT_NE(outcome.err.find("/no/such/root"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace pilotfish::e2e
