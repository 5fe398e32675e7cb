// pilotfish as dumb-init; see daemon/drop_in.h.
#pragma once

namespace pilotfish::daemon {

int run_as_dumb_init(int argc, char** argv);

}  // namespace pilotfish::daemon
