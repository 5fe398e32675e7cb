// Text to lists: comma lists, and command lines as a JSON array or as words with shell quoting.
//
// Any thread; plain functions over borrowed text, their results own what they hold. Never block.
// Fail by false with half a sentence in `why`, as in config/quantity.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pilotfish::config {

// "a,b, c": blanks around an item are dropped; an empty item ("a,,b") is refused.
bool parse_list(std::string_view text, std::vector<std::string>& items, std::string& why);

// A command as an argument vector, never empty, its first word never empty.
//   ["nginx","-g","daemon off;"]   text that begins with [ is a JSON array of strings
//   nginx -g 'daemon off;'         words between blanks; '..' takes all as it stands, in ".." a
//                                  backslash escapes " $ ` and itself, outside any one character
// There is no shell behind it: nothing is expanded. Limits: a word cannot hold NUL.
bool parse_command(std::string_view text, std::vector<std::string>& words, std::string& why);

// The first thing in a command of words that only a shell would act on ("$HOME", "|", "&&", ">"),
// or nothing. Such text is passed on as it stands, which is seldom what was meant.
std::string_view shell_only_part(std::string_view text);

// Words that parse_command reads back to the same vector, quoted only where needed.
std::string format_command(const std::vector<std::string>& words);

}  // namespace pilotfish::config
