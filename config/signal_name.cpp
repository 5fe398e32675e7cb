#include "config/signal_name.h"

#include <array>
#include <csignal>

#include "config/quantity.h"

namespace pilotfish::config {
namespace {

struct Named {
    std::string_view name;
    int number;
};

// The usual name first: format_signal takes the first that fits.
constexpr std::array<Named, 34> kNames{{
    {"HUP", SIGHUP},   {"INT", SIGINT},       {"QUIT", SIGQUIT}, {"ILL", SIGILL},
    {"TRAP", SIGTRAP}, {"ABRT", SIGABRT},     {"BUS", SIGBUS},   {"FPE", SIGFPE},
    {"KILL", SIGKILL}, {"USR1", SIGUSR1},     {"SEGV", SIGSEGV}, {"USR2", SIGUSR2},
    {"PIPE", SIGPIPE}, {"ALRM", SIGALRM},     {"TERM", SIGTERM}, {"STKFLT", SIGSTKFLT},
    {"CHLD", SIGCHLD}, {"CONT", SIGCONT},     {"STOP", SIGSTOP}, {"TSTP", SIGTSTP},
    {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},     {"URG", SIGURG},   {"XCPU", SIGXCPU},
    {"XFSZ", SIGXFSZ}, {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH},
    {"IO", SIGIO},     {"PWR", SIGPWR},       {"SYS", SIGSYS},   {"POLL", SIGPOLL},
    {"IOT", SIGIOT},   {"CLD", SIGCHLD},
}};

bool parse_real_time(std::string_view text, int base, int sign, int& number) {
    std::int64_t offset = 0;
    std::string ignored;
    if (!text.empty()) {
        if (text.front() != (sign > 0 ? '+' : '-')) return false;
        if (!parse_whole(text.substr(1), 0, SIGRTMAX - SIGRTMIN, offset, ignored)) return false;
    }
    number = base + sign * static_cast<int>(offset);
    return true;
}

}  // namespace

bool parse_signal(std::string_view text, Signal& value, std::string& why) {
    std::int64_t number = 0;
    if (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        if (!parse_whole(text, 1, SIGRTMAX, number, why)) return false;
        value.number = static_cast<int>(number);
        return true;
    }
    if (text.starts_with("SIG")) text.remove_prefix(3);
    for (const Named& named : kNames) {
        if (named.name == text) return value.number = named.number, true;
    }
    if (text.starts_with("RTMIN"))
        return parse_real_time(text.substr(5), SIGRTMIN, 1, value.number);
    if (text.starts_with("RTMAX"))
        return parse_real_time(text.substr(5), SIGRTMAX, -1, value.number);
    return false;
}

std::string format_signal(Signal value) {
    for (const Named& named : kNames) {
        if (named.number == value.number) return std::string("SIG").append(named.name);
    }
    if (value.number == SIGRTMIN) return "SIGRTMIN";
    if (value.number > SIGRTMIN && value.number <= SIGRTMAX) {
        return "SIGRTMIN+" + std::to_string(value.number - SIGRTMIN);
    }
    return std::to_string(value.number);
}

}  // namespace pilotfish::config
