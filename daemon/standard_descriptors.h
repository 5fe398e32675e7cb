// Descriptors 0, 1 and 2 at the start, and what was inherited above them at a later time.
//
// One thread, at the start. Never blocks. Fails: silently where /dev/null is missing.
#pragma once

namespace pilotfish::daemon {

// Puts /dev/null, close-on-exec, wherever one of the three is closed, so that no file of ours takes
// its number. A worker still finds it closed, as it was given.
void occupy_standard_descriptors() noexcept;

// Closes what we inherited above 2 and hold for nobody any more: a supervisor that keeps a pipe's
// end keeps its reader waiting for ever. Ours are told by their close-on-exec flag.
void close_inherited_descriptors() noexcept;

}  // namespace pilotfish::daemon
