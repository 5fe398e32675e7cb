// A fast random number where fairness is all that is wanted: Marsaglia's xorshift32 (2003).
//
// Thread-safety: the state is its owner's. Requires: a state that is not 0. Never fails.
#pragma once

#include <cstdint>

namespace pilotfish::core {

// A state for the nth of several users, so that they do not all begin alike.
constexpr std::uint32_t xorshift_seed(std::uint32_t n) noexcept {
    return 0x9e3779b9U * (n + 1) | 1;
}

constexpr std::uint32_t xorshift(std::uint32_t& state) noexcept {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

}  // namespace pilotfish::core
