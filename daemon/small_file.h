// A whole regular file of the image, at once, by the thread that asks.
//
// Any thread. Owns nothing. Blocks on the file system alone: a FIFO or device under that name is an
// error, not a wait. Fails: "cannot read PATH: why", with errno.
#pragma once

#include <string>

#include "core/result.h"

namespace pilotfish::daemon {

core::Result<std::string> read_small_file(const std::string& path, std::size_t most_bytes);

}  // namespace pilotfish::daemon
