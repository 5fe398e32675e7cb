// The text of an environment file: NAME=value lines as systemd's EnvironmentFile= and people's .env
// have them.
//
//     # a comment, as is a line that begins with ;
//     PORT=8080                      blanks around the value are dropped
//     export GREETING='as it stands: $HOME \n #'
//     MOTTO="a \"quote\", a \\, a dollar \$"   these escapes, and a line break between the quotes
//     PATH_LIST=/a:/b\               a backslash at the end of a line joins the next one
//
// Nothing is expanded. Outside of quotes a # is part of the value. A name given twice has its last
// value. A byte-order mark at the beginning and a CR before a line's end are dropped.
//
// Any thread, never blocks. Fails by false with half a sentence and its line number.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pilotfish::config {

using Variables = std::vector<std::pair<std::string, std::string>>;

// A letter or _, then letters, digits and _.
bool is_variable_name(std::string_view name);

// Appends what the text has, each name once and in the order of their first places, over what
// variables had before. why: "line 3: it is not NAME=value"; variables may then have some.
bool parse_environment_file(std::string_view text, Variables& variables, std::string& why);

}  // namespace pilotfish::config
