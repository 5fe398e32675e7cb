// dumb-init's command line and variables as a value.
//
// One thread at a time: getopt_long(3) reads them. Writes getopt's own complaints to stderr. Fails:
// a DumbInitRefusal.
#pragma once

#include <array>
#include <csignal>
#include <string>
#include <variant>

namespace pilotfish::daemon {

enum class DumbInitAnswer { version, help };

// The exit code is 1.
struct DumbInitRefusal {
    std::string text;  // for stderr, with its newlines; empty: getopt has said it
};

struct DumbInitOptions {
    // What -r makes of a signal: 0 drops it. Only 1 to 31 can be rewritten.
    static constexpr int kLastSignal = 31;
    std::array<int, kLastSignal + 1> rewrite{};

    bool debug = false;              // -v, DUMB_INIT_DEBUG=1
    bool debug_by_variable = false;  // which is said
    bool own_session = true;         // not with -c, nor DUMB_INIT_SETSID=0
    bool no_session_by_variable = false;
    char* const* command = nullptr;  // in argv, null-terminated

    // Signals above 31 stay what they are.
    int rewritten(int signal) const {
        return signal > kLastSignal ? signal : rewrite[static_cast<std::size_t>(signal)];
    }
};

using DumbInitInvocation = std::variant<DumbInitOptions, DumbInitAnswer, DumbInitRefusal>;

// environment: the value of a variable, or null; getenv.
DumbInitInvocation parse_dumb_init(int argc, char** argv, char* (*environment)(const char*));

// "15:2" into from and to: what follows two numbers is not looked at. False: it is no such thing.
bool parse_rewrite(const char* text, int& from, int& to);

}  // namespace pilotfish::daemon
