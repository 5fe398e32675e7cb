// Where PATH finds a program.
//
// Any thread; owns nothing but what it returns. Blocks only on the file system. Fails: an empty
// text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pilotfish::daemon {

// The value of NAME in NAME=value entries; empty when there is none.
std::string_view variable_in(const std::vector<std::string>& environment, std::string_view name);

// What execvp would try in turn: the name itself when it has a slash, else one path for each folder
// of the environment's PATH.
std::vector<std::string> program_candidates(const std::string& name,
                                            const std::vector<std::string>& environment);

// The first of them that is a regular executable file; empty when there is none. For looking into a
// program before it starts; spawn() tries itself.
std::string find_program(const std::string& name, const std::vector<std::string>& environment);

}  // namespace pilotfish::daemon
