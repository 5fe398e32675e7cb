// The name a typo was meant to be.
//
// Any thread, never blocks, never fails; borrows its arguments, the answer points into `known`.
#pragma once

#include <string_view>
#include <vector>

namespace pilotfish::config {

// Letters to insert, delete, replace, or swap with their neighbour (each once), to get from one to
// the other: the optimal string alignment distance, with letters' case ignored.
int edit_distance(std::string_view from, std::string_view to);

// The name in known at the least distance, the first of equals; nothing when even that one is too
// far off to be meant: more than a third of its letters and more than two (one, below five
// letters). The bounds are chosen, not measured.
std::string_view nearest_name(std::string_view text, const std::vector<std::string_view>& known);

}  // namespace pilotfish::config
