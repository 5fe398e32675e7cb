#include "daemon/evidence.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace pilotfish::daemon {
namespace {

TEST(Evidence, NamesTheProcessItsStateAndWhatIsBelow) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        const pid_t below = fork();
        // Says that it is there only when it will not outlive the test.
        if (below == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (below == 0 && write(ends[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    char byte;
    ASSERT_EQ(read(ends[0], &byte, 1), 1);
    const std::vector<std::string> lines = evidence_of(child);
    EXPECT_TRUE(lines.front().starts_with("process " + std::to_string(child) + " (")) << lines[0];
    // A sanitizer has a thread of its own in it.
    EXPECT_NE(lines.front().find("threads: "), std::string::npos) << lines[0];
    EXPECT_TRUE(lines.back().starts_with("below it, process ")) << lines.back();
    EXPECT_LE(lines.size(), kMostEvidenceLines);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    EXPECT_EQ(evidence_of(child),
              std::vector<std::string>{"process " + std::to_string(child) + " is gone"});
    close(ends[0]);
    close(ends[1]);
}

}  // namespace
}  // namespace pilotfish::daemon
