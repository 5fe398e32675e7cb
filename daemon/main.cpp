#include "config/command_line.h"
#include "daemon/commands.h"
#include "daemon/container.h"
#include "daemon/drop_in.h"
#include "daemon/signals_at_start.h"
#include "daemon/standard_descriptors.h"

int main(int argc, char** argv) {
    using namespace pilotfish;
    if (const auto code = daemon::run_as_drop_in(argc, argv)) return *code;
    const auto signals = daemon::SignalsAtStart::take();  // from here on no signal is lost
    daemon::occupy_standard_descriptors();

    const auto invocation = config::parse_command_line(argc, argv);
    if (!invocation) return daemon::refuse(invocation.error().message);
    const bool supervises = invocation->action == config::Action::entrypoint ||
                            invocation->action == config::Action::run;
    return supervises ? daemon::run_container(*invocation, signals)
                      : daemon::run_command(*invocation, signals);
}
