// Tells one step of a processor from another: two looks that find the same name have seen one and
// the same step.
//
// Any thread; for others than the processor's own it may be out of date. Never blocks, never fails.
#pragma once

#include <cstdint>

namespace pilotfish::core {

struct Proc;

struct StepName {
    bool operator==(const StepName&) const = default;

    std::uint64_t ticks = 0;
    std::uint32_t left = 0;  // steps until the next tick
};
StepName step_of(const Proc& proc) noexcept;

}  // namespace pilotfish::core
