// Built against a pilotfish that has more than the one which loads it.
#include <pilotfish/plugin.h>

namespace pilotfish::core {
Task<int> from_a_later_release(PluginContext& context);
}

static pilotfish::core::Task<int> run(pilotfish::core::PluginContext& context) {
    const int code = co_await pilotfish::core::from_a_later_release(context);
    co_return code;
}

PILOTFISH_PLUGIN("undefined", run)
