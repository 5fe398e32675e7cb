// Opens a directory whose way there nobody but root and we could have chosen.
//
// Each step is opened below the one before, without following links; a symbolic link is followed
// by reading it, and only when root or we made it, in a directory where others cannot exchange it
// (of root's or ours, and not writable by others, or sticky). The mount points and directories that
// others own or may write to can be walked through: below them nothing leads elsewhere.
// A daemon that is not root follows every link: it has no rights to lend.
//
// Any thread. Owns what it returns, an O_PATH descriptor. Blocks on the file system alone. Fails: a
// sentence that names the step.
#pragma once

#include <string>

#include "core/owned_fd.h"
#include "core/result.h"

namespace pilotfish::daemon {

// path: from "/" on.
core::Result<core::OwnedFd> open_safe_directory(const std::string& path);

}  // namespace pilotfish::daemon
