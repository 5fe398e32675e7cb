// Which tasks did a piece of work leave behind?
//
//     const std::vector<runtime::Leak> leaks = co_await runtime::leak_check(work());
//     for (const runtime::Leak& leak : leaks) std::cerr << leak.text();
//
// Takes the stacks of all tasks before and after the work and compares: what has grown was left
// behind, the greatest growth first. Tasks that are only slow to end get some patience.
//
// Call from a task. Suspends. Other work of the program that starts meanwhile shows too. Fails:
// with what the work throws.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/stack_census.h"
#include "core/task.h"

namespace pilotfish::runtime {

struct Leak {
    std::uint64_t before = 0;  // tasks at this place before the work
    core::StackGroup now;

    std::uint64_t grown_by() const { return now.count - before; }
    // "3 tasks more (4 now) at" and the frames, a line each.
    std::string text() const;
};

inline constexpr core::Duration kLeakPatience = std::chrono::milliseconds(100);

core::Task<std::vector<Leak>> leak_check(core::Task<> work,
                                         core::Duration patience = kLeakPatience);

}  // namespace pilotfish::runtime
