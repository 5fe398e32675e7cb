// An environment and a command line for the tests of config.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "config/command_line.h"
#include "config/load.h"

namespace pilotfish::config {

// "NAME=value" texts as execve(2) hands them over. Lives longer than what is loaded from it.
class Environment {
  public:
    Environment(std::initializer_list<std::string> entries)
        : Environment(std::vector<std::string>(entries)) {}
    explicit Environment(std::vector<std::string> entries) : entries_(std::move(entries)) {
        for (const std::string& entry : entries_) pointers_.push_back(entry.c_str());
        pointers_.push_back(nullptr);
    }
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;
    const char* const* get() const { return pointers_.data(); }

  private:
    std::vector<std::string> entries_;
    std::vector<const char*> pointers_;
};

inline Invocation as_entrypoint() {
    Invocation invocation{.action = Action::entrypoint};
    invocation.command = {"app"};
    return invocation;
}
inline Invocation as_run() { return Invocation{.action = Action::run}; }
inline Invocation as_check() { return Invocation{.action = Action::check}; }

// The configuration, or an empty one when it was refused: a test then fails on what is missing.
inline Configuration accepted(const core::Result<Configuration>& loaded) {
    return loaded ? *loaded : Configuration{};
}

// Every fault, a line each; "" when there was none.
inline std::string faults(std::initializer_list<std::string> entries,
                          const Invocation& invocation = as_entrypoint()) {
    const Environment environment(entries);
    const core::Result<Configuration> loaded = load(environment.get(), invocation);
    return loaded ? "" : loaded.error().message;
}

}  // namespace pilotfish::config
