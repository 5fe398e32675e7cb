#include "daemon/tini_options.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "config/signal_name.h"

namespace pilotfish::daemon {
namespace {

// By full name alone: "SIGTERM", neither "TERM" nor "15".
int signal_by_full_name(std::string_view name) {
    if (!name.starts_with("SIG")) return 0;
    config::Signal signal;
    std::string why;
    return config::parse_signal(name, signal, why) ? signal.number : 0;
}

// -1: it is no exit code.
int exit_code(const char* text) {
    char* end = nullptr;
    const long code = std::strtol(text, &end, 10);
    return end == text || *end != '\0' || code < 0 || code > 255 ? -1 : static_cast<int>(code);
}

std::string not_valid(int option, const char* argument) {
    return std::string("Not a valid option for -") + static_cast<char>(option) + ": " + argument;
}

}  // namespace

TiniInvocation parse_tini(int argc, char** argv, char* (*environment)(const char*)) {
    // Beside a program it is no option, but a complaint of getopt's.
    if (argc == 2 && std::strcmp(argv[1], "--version") == 0) return TiniAnswer::version;
    TiniOptions options;
    optind = 0;  // glibc's and musl's word for: begin anew
    for (int option; (option = getopt(argc, argv, "p:hvwgle:s")) != -1;) {
        switch (option) {
            case 'h': return TiniAnswer::help;
            case 'l': return TiniAnswer::license;
            case 's': options.subreaper = true; break;
            case 'v': ++options.verbosity; break;
            case 'w': options.warn_on_reap = true; break;
            case 'g': options.kill_process_group = true; break;
            case 'p':
                options.parent_death_signal = signal_by_full_name(optarg);
                if (options.parent_death_signal == 0) return TiniRefusal{not_valid('p', optarg)};
                break;
            case 'e':
                if (const int code = exit_code(optarg); code >= 0)
                    options.good_codes.push_back(code);
                else
                    return TiniRefusal{not_valid('e', optarg)};
                break;
            default: return TiniRefusal{};
        }
    }
    options.command = argv + optind;
    if (*options.command == nullptr) return TiniRefusal{};
    if (environment("TINI_SUBREAPER") != nullptr) options.subreaper = true;
    if (environment("TINI_KILL_PROCESS_GROUP") != nullptr) options.kill_process_group = true;
    if (const char* verbosity = environment("TINI_VERBOSITY"))
        options.verbosity = static_cast<int>(std::strtol(verbosity, nullptr, 10));
    return options;
}

}  // namespace pilotfish::daemon
