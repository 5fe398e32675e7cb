// On a kernel of its own: real cgroup v2, and v1 beside an empty v2. One boot a layout; the checks
// stand in tests/e2e/guest and print a line each.
#include <cstdlib>
#include <iostream>
#include <sstream>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"

namespace pilotfish::e2e {
namespace {

class InAVirtualMachine : public EndToEnd {};

void expect_every_check(const std::string& layout, int least) {
    const std::string harness = PILOTFISH_SOURCE_DIR "/tests/e2e/";
    Process machine({harness + "run-in-vm", "--cgroup", layout, "--timeout", "200", "--file",
                     pilotfish() + ":/pilotfish", "--file", PILOTFISH_E2E_PROGRAMS ":/programs",
                     "--file", harness + "guest:/guest", "--", "sh", "/guest/checks", layout},
                    {.env = {{"HOME", getenv("HOME") ? getenv("HOME") : "/root"}}});
    machine.close_input();
    const End end = machine.wait(240s);
    int passed = 0;
    std::istringstream lines(machine.out());
    for (std::string line; std::getline(lines, line);) {
        passed += line.starts_with("ok ");
        EXPECT_FALSE(line.starts_with("FAILED")) << line;
    }
    EXPECT_EQ(end, exited(0)) << machine.out() << machine.err();
    EXPECT_GE(passed, least) << "the checks did not get to their end:\n" << machine.out();
    std::cout << passed << " checks passed on " << layout << "\n";
}

TEST_F(InAVirtualMachine, EverythingHoldsOnCgroupV2) { expect_every_check("v2", 63); }

TEST_F(InAVirtualMachine, EverythingHoldsOnAHybridLayout) { expect_every_check("hybrid", 42); }

}  // namespace
}  // namespace pilotfish::e2e
