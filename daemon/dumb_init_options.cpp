#include "daemon/dumb_init_options.h"

#include <getopt.h>

#include <cstdlib>
#include <cstring>

namespace pilotfish::daemon {
namespace {

constexpr const char* kBadRewrite =
    "Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.\n"
    "This option can be specified multiple times.\n"
    "Use --help for full usage.\n";

constexpr std::array<option, 6> kLongOptions{{{"help", no_argument, nullptr, 'h'},
                                              {"single-child", no_argument, nullptr, 'c'},
                                              {"rewrite", required_argument, nullptr, 'r'},
                                              {"verbose", no_argument, nullptr, 'v'},
                                              {"version", no_argument, nullptr, 'V'},
                                              {nullptr, 0, nullptr, 0}}};

bool is(const char* value, const char* wanted) {
    return value != nullptr && std::strcmp(value, wanted) == 0;
}

bool in_range(long number, long least) {
    return number >= least && number <= DumbInitOptions::kLastSignal;
}

}  // namespace

bool parse_rewrite(const char* text, int& from, int& to) {
    char* end = nullptr;
    const long first = std::strtol(text, &end, 10);
    if (end == text || *end != ':') return false;
    const char* const rest = end + 1;
    const long second = std::strtol(rest, &end, 10);
    if (end == rest || !in_range(first, 1) || !in_range(second, 0)) return false;
    from = static_cast<int>(first);
    to = static_cast<int>(second);
    return true;
}

DumbInitInvocation parse_dumb_init(int argc, char** argv, char* (*environment)(const char*)) {
    DumbInitOptions options;
    constexpr int kUnsaid = -1;
    options.rewrite.fill(kUnsaid);
    options.debug = options.debug_by_variable = is(environment("DUMB_INIT_DEBUG"), "1");
    optind = 0;  // glibc's and musl's word for: begin anew
    for (int option;
         (option = getopt_long(argc, argv, "+hvVcr:", kLongOptions.data(), nullptr)) != -1;) {
        switch (option) {
            case 'h': return DumbInitAnswer::help;
            case 'V': return DumbInitAnswer::version;
            case 'v': options.debug = true; break;
            case 'c': options.own_session = false; break;
            case 'r': {
                int from = 0;
                int to = 0;
                if (!parse_rewrite(optarg, from, to)) return DumbInitRefusal{kBadRewrite};
                options.rewrite[static_cast<std::size_t>(from)] = to;
                break;
            }
            default: return DumbInitRefusal{};
        }
    }
    options.command = argv + optind;
    if (*options.command == nullptr) {
        const std::string name = argv[0];
        return DumbInitRefusal{"Usage: " + name + " [option] program [args]\nTry " + name +
                               " --help for full usage.\n"};
    }
    if (is(environment("DUMB_INIT_SETSID"), "0")) {
        options.own_session = false;
        options.no_session_by_variable = true;
    }
    for (int signal = 1; signal <= DumbInitOptions::kLastSignal; ++signal) {
        int& to = options.rewrite[static_cast<std::size_t>(signal)];
        if (to != kUnsaid) continue;
        // The kernel stops nobody by these in a session whose leader has no parent in it.
        const bool job_control = signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
        to = options.own_session && job_control ? SIGSTOP : signal;
    }
    return options;
}

}  // namespace pilotfish::daemon
