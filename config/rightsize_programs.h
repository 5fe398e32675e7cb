// The programs that a worker's RIGHTSIZE may name: those with variables of their own beside the
// safe set. daemon/rightsize_row.h has the variables; a test of its compares the two.
//
// Any thread; constants.
#pragma once

#include <array>
#include <string_view>

namespace pilotfish::config {

inline constexpr std::array<std::string_view, 13> kRightsizePrograms{
    "mkl",   "jemalloc", "node", "java",  "erlang", "r",  "ghc",
    "julia", "dotnet",   "make", "cargo", "cmake",  "web"};

}  // namespace pilotfish::config
