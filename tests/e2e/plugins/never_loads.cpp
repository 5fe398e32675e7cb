// Its constructor does not return: dlopen(3) of it waits for ever.
#include <pilotfish/plugin.h>
#include <unistd.h>

namespace {

struct Waits {
    Waits() {
        constexpr char kWords[] = "loading, for ever\n";
        (void)!write(STDERR_FILENO, kWords, sizeof kWords - 1);
        for (;;) pause();
    }
};
const Waits waits;

pilotfish::core::Task<int> serve(pilotfish::core::PluginContext&) { co_return 0; }

}  // namespace

PILOTFISH_PLUGIN("never_loads", serve)
