// A Handover as text, and back.
//
// One line says what it is and how long its JSON is; behind the JSON lie the bytes that are no text
// (heads of lines, what waits for a slow reader), in the order the JSON names them.
//
// Two releases must understand each other: a reader ignores what it does not know, and takes the
// default for what is missing. Only where that would be wrong does `needs` rise, and a reader that
// knows less refuses.
//
// Any thread; never blocks. Fails: a sentence, for anything that a Handover was not written as.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "daemon/handover.h"

namespace pilotfish::daemon {

// What this release writes and understands.
inline constexpr int kHandoverFormat = 1;

std::string handover_text(const Handover& handover);
core::Result<Handover> parse_handover(std::string_view text);

}  // namespace pilotfish::daemon
