// Our binary in a real container, by tests/e2e/run-in-container.
//
// One thread. Owns nothing but the processes it is handed. run() and ask() block until their
// command has ended.
#pragma once

#include <unistd.h>

#include <string>
#include <vector>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"

namespace pilotfish::e2e {

inline const std::string kHarness = PILOTFISH_SOURCE_DIR "/tests/e2e/";

// run-in-container with our binary at /pilotfish and the little programs below /programs.
inline std::vector<std::string> in_container(std::vector<std::string> options,
                                             std::vector<std::string> command) {
    options.insert(options.begin(),
                   {kHarness + "run-in-container", "--file", pilotfish() + ":/pilotfish", "--file",
                    PILOTFISH_E2E_PROGRAMS ":/programs",
                    // A sanitizer build's leak checker would need ptrace, which containers refuse.
                    "--env", "ASAN_OPTIONS=detect_leaks=0"});
    options.push_back("--");
    options.insert(options.end(), command.begin(), command.end());
    return options;
}

inline std::vector<std::string> limited(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"--quota", "150000", "--memory", "256M"});
    return more;
}

inline std::vector<std::string> as_pid1(std::vector<std::string> command) {
    command.insert(command.begin(), {"/pilotfish", "--"});
    return command;
}

// runc itself, for what is done to a running container.
inline Outcome runc(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "runc");
    if (geteuid() != 0) arguments.insert(arguments.begin(), {"sudo", "-n"});
    return run(arguments);
}

inline std::string ask(const std::string& id, const std::string& path) {
    return runc({"exec", id, "wget", "-q", "-O", "-", "http://127.0.0.1:9911" + path}).out;
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

class InAContainer : public EndToEnd {
  protected:
    // A name of its own for each test, so that several can run beside one another.
    const std::string id_ = "pilotfish-test-" + std::to_string(getpid());
};

}  // namespace pilotfish::e2e
