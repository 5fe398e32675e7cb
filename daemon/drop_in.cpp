#include "daemon/drop_in.h"

#include "daemon/drop_in_dumb_init.h"
#include "daemon/drop_in_tini.h"

namespace pilotfish::daemon {

std::optional<DropIn> drop_in_of(std::string_view program) {
    const std::string_view name = program.substr(program.rfind('/') + 1);
    if (name == "tini" || name == "docker-init") return DropIn::tini;
    if (name == "dumb-init") return DropIn::dumb_init;
    return std::nullopt;
}

std::optional<int> run_as_drop_in(int argc, char** argv) {
    const auto which = drop_in_of(argc > 0 ? argv[0] : "");
    if (!which) return std::nullopt;
    return *which == DropIn::tini ? run_as_tini(argc, argv) : run_as_dumb_init(argc, argv);
}

}  // namespace pilotfish::daemon
