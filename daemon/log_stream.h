// One output stream of a worker on its way through us: bytes in, framed and formatted lines out.
//
// One thread at a time; different streams may run on different threads. Borrows the Output, which
// must outlive it. An idle stream holds a few hundred bytes. Never blocks. Never fails.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>

#include "daemon/line_framer.h"
#include "daemon/log_format.h"
#include "daemon/output.h"

namespace pilotfish::daemon {

class LogStream {
  public:
    // raw passes the bytes as they come; the other styles give whole lines.
    LogStream(Output& output, LineStyle style, std::string_view worker, std::string_view stream);

    // Bytes just read from the worker's pipe. Best in large reads: one write(2) a call where
    // possible.
    void feed(std::string_view bytes);
    // One read(2) of all that a pipe holds, and feed(): with a non-blocking descriptor it never
    // waits. Returns what read(2) did, errno with it. A function of its own because its buffer is
    // the thread's, which a coroutine must not keep across a suspension.
    ssize_t read_from(int descriptor);
    // The end of the stream: gives what stands unterminated.
    void end();

    std::uint64_t lines() const { return source_.lines(); }
    std::uint64_t lost_lines() const { return source_.lost_lines(); }

  private:
    void pass_lines();

    Output& output_;
    LineFormat format_;
    LineFramer framer_;
    OutputSource source_;  // after format_, which tells its losses
};

}  // namespace pilotfish::daemon
