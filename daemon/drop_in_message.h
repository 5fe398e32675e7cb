// Lines of a drop-in init: straight to the descriptor, each by one write.
//
// One thread, with SIGPIPE blocked. Never blocks: where a pipe is full the line is lost, since an
// init whose reader has stopped reading must still forward signals. Fails: silently.
#pragma once

namespace pilotfish::daemon {

// As printf; no newline is added.
__attribute__((format(printf, 2, 3))) void drop_in_message(int fd, const char* format, ...);

}  // namespace pilotfish::daemon
