// pilotfish as tini; see daemon/drop_in.h.
#pragma once

namespace pilotfish::daemon {

int run_as_tini(int argc, char** argv);

}  // namespace pilotfish::daemon
