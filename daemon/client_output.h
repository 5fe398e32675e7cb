// What a client command writes, and how it ends when it cannot.
//
// One thread. Owns nothing. Blocks: as its descriptor does. Fails: by false, when the reader went
// away.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace pilotfish::daemon {

// All of it, whatever the descriptor takes at a time.
bool write_all(int fd, std::string_view text);
bool tell(std::string_view text);
// "pilotfish: SENTENCE" on stderr; returns the code.
int complain(int code, std::string_view sentence);
// In place of what would move a terminal's cursor or change its colours: a worker's line may hold
// anything. Only where a terminal shows it.
std::string harmless(std::string_view line);

}  // namespace pilotfish::daemon
