#include "config/command_line.h"
#include "daemon/commands.h"
#include "daemon/container.h"
#include "daemon/drop_in.h"
#include "daemon/handover_file.h"
#include "daemon/signals_at_start.h"
#include "daemon/standard_descriptors.h"

int main(int argc, char** argv) {
    using namespace pilotfish;
    if (const auto code = daemon::run_as_drop_in(argc, argv)) return *code;
    auto signals = daemon::SignalsAtStart::take();  // from here on no signal is lost
    daemon::occupy_standard_descriptors();

    // An upgrade in place: asked for a look at the state, or started as the next image.
    if (const auto code = daemon::answer_check(argc, argv, signals)) return *code;
    const auto handover = daemon::take_handover(signals);
    if (handover && !*handover) return daemon::refuse(handover->error().message);
    daemon::Start start{signals, daemon::Origin::of_this_process(argc, argv)};
    if (handover) start.handover = &**handover;

    const auto invocation = config::parse_command_line(argc, argv);
    if (!invocation) return daemon::refuse(invocation.error().message);
    const bool supervises = invocation->action == config::Action::entrypoint ||
                            invocation->action == config::Action::run;
    return supervises ? daemon::run_container(*invocation, start)
                      : daemon::run_command(*invocation, signals);
}
