#include "daemon/memory_trace.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/daemon/pipe.h"

namespace pilotfish::daemon {
namespace {

core::MemoryCycle cycle() {
    core::MemoryCycle cycle;
    cycle.number = 7;
    cycle.steps = {.shrink = true, .purge = true};
    cycle.shrinkers = 2;
    cycle.heap_before_bytes = 912;
    cycle.heap_after_bytes = 500;
    cycle.shrink_time = std::chrono::microseconds(120);
    cycle.purge_time = std::chrono::microseconds(12300);
    return cycle;
}

GuardAction action() {
    return {.kind = GuardAction::Kind::restart,
            .cause = GuardAction::Cause::container,
            .worker = 0,
            .used_bytes = 1015,
            .limit_bytes = 1000,
            .resident_bytes = 400,
            .grown_bytes = 300};
}

TEST(MemoryTrace, ACycleOfTheHeapIsOneLineInAFixedOrder) {
    EXPECT_EQ(heap_trace(cycle(), 1000),
              "heap: load=91% bytes=912 limit=1000 steps=shrink,purge shrinkers=2 freed=412 "
              "shrink=0.120ms purge=12.300ms");
}

TEST(MemoryTrace, AHeapThatGrewMeanwhileHasFreedNothing) {
    core::MemoryCycle grown = cycle();
    grown.steps = {.purge = true, .brake = true};
    grown.heap_after_bytes = 2000;
    const std::string line = heap_trace(grown, 0);
    EXPECT_NE(line.find("load=100% "), std::string::npos) << line;
    EXPECT_NE(line.find(" steps=purge,brake "), std::string::npos) << line;
    EXPECT_NE(line.find(" freed=0 "), std::string::npos) << line;
}

TEST(MemoryTrace, AStepOnAWorkerNamesItAndItsCause) {
    EXPECT_EQ(guard_trace(action(), "web"),
              "container: load=101% bytes=1015 limit=1000 step=restart worker=web resident=400 "
              "grown=300");
    GuardAction own = action();
    own.cause = GuardAction::Cause::own_memory;
    own.kind = GuardAction::Kind::warn;
    EXPECT_EQ(guard_trace(own, "db"),
              "worker: load=101% bytes=1015 limit=1000 step=warn worker=db resident=400 grown=300");
}

TEST(MemoryTrace, IsSilentUnlessAskedForAndNumbersItsLines) {
    tests::Pipe pipe;
    Output output(pipe.writer());
    {
        MemoryTrace off(output, false);
        off.cycle(cycle(), 1000);
        off.action(action(), "web");
    }
    MemoryTrace trace(output, true);
    trace.cycle(cycle(), 1000);
    trace.action(action(), "web");
    trace.end();
    trace.action(action(), "late");
    pipe.close_writer();
    const std::string text = pipe.read_all();
    EXPECT_TRUE(text.starts_with("memtrace 1 @")) << text;
    EXPECT_NE(text.find("s heap: load=91%"), std::string::npos) << text;
    EXPECT_NE(text.find("\nmemtrace 2 @"), std::string::npos) << text;
    EXPECT_NE(text.find("s container: load=101%"), std::string::npos) << text;
    EXPECT_EQ(text.find("late"), std::string::npos) << "nothing follows the end";
}

}  // namespace
}  // namespace pilotfish::daemon
