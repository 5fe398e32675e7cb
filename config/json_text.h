// A JSON object as a list of its values, each with the names that lead to it and its line.
//
// Any thread; the result owns its text; never blocks. RFC 8259 to the letter: no comments, no comma
// behind the last. Fails: every fault that can be told apart, one sentence a line, each with the
// line; never with a piece of the text that may be a password. A name that comes twice in one
// object is refused, as one of the two would be lost. Limits: 1 MiB, 16 levels, no NUL.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace pilotfish::config {

// A program's configuration, not its data: both chosen.
inline constexpr std::size_t kLongestJson = 1u << 20;
inline constexpr std::size_t kDeepestJson = 16;

struct JsonValue {
    enum class Kind : std::uint8_t { null, boolean, number, string, array, empty_object };
    Kind kind = Kind::null;
    std::string text = {};                // of a scalar: as a variable would hold it
    std::vector<std::string> items = {};  // of an array, which holds scalars alone
    bool only_strings = true;             // the array
};

struct JsonLeaf {
    std::vector<std::string> path;  // never empty
    std::size_t line = 1;           // of the last name
    JsonValue value;
};

// "a boolean", "a number", ...
std::string_view words_of(JsonValue::Kind kind);

// The leaves in the order of the text. file: as sentences name it.
core::Result<std::vector<JsonLeaf>> read_json(std::string_view text, const std::string& file);

}  // namespace pilotfish::config
