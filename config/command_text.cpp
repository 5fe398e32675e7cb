#include "config/command_text.h"

#include <array>
#include <nlohmann/json.hpp>

namespace pilotfish::config {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

bool parse_json_words(std::string_view text, std::vector<std::string>& words, std::string& why) {
    const nlohmann::json array = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (array.is_discarded() || !array.is_array()) {
        why = "begins with [ but is no JSON array";
        return false;
    }
    for (const nlohmann::json& item : array) {
        if (!item.is_string()) {
            why = "has an item that is no string";
            return false;
        }
        const std::string& word = item.get_ref<const std::string&>();
        if (word.find('\0') != std::string::npos) {
            why = "has a NUL character";
            return false;
        }
        words.push_back(word);
    }
    return true;
}

// The quoted run that begins at text[at]; appends it to word and moves at behind its closing quote.
bool take_quoted(std::string_view text, std::size_t& at, std::string& word) {
    const char quote = text[at++];
    for (; at < text.size(); ++at) {
        if (text[at] == quote) return ++at, true;
        const bool escapes =
            quote == '"' && text[at] == '\\' && at + 1 < text.size() &&
            std::string_view("\"\\$`").find(text[at + 1]) != std::string_view::npos;
        if (escapes) ++at;
        word.push_back(text[at]);
    }
    return false;
}

bool parse_shell_words(std::string_view text, std::vector<std::string>& words, std::string& why) {
    std::size_t at = 0;
    while (true) {
        while (at < text.size() && is_blank(text[at])) ++at;
        if (at == text.size()) return true;
        std::string word;
        while (at < text.size() && !is_blank(text[at])) {
            if (text[at] == '\'' || text[at] == '"') {
                if (!take_quoted(text, at, word)) {
                    why = "has a quote that is never closed";
                    return false;
                }
            } else if (text[at] == '\\') {
                if (at + 1 == text.size()) {
                    why = "ends in a lone backslash";
                    return false;
                }
                word.push_back(text[at + 1]);
                at += 2;
            } else {
                word.push_back(text[at++]);
            }
        }
        words.push_back(std::move(word));
    }
}

bool begins_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '{' || c == '(';
}

// "sh -c ...", "/bin/bash ...": then the shell's part is meant for that shell.
bool runs_a_shell(std::string_view text) {
    const std::string_view program = text.substr(0, text.find_first_of(" \t\n\r"));
    return program.ends_with("sh");
}

}  // namespace

bool parse_list(std::string_view text, std::vector<std::string>& items, std::string& why) {
    std::vector<std::string> parsed;
    while (true) {
        const std::size_t comma = text.find(',');
        const std::string_view item = trimmed(text.substr(0, comma));
        if (item.empty()) {
            why = "has an empty item";
            return false;
        }
        parsed.emplace_back(item);
        if (comma == std::string_view::npos) break;
        text.remove_prefix(comma + 1);
    }
    items = std::move(parsed);
    return true;
}

bool parse_command(std::string_view text, std::vector<std::string>& words, std::string& why) {
    std::vector<std::string> parsed;
    const std::string_view body = trimmed(text);
    const bool read = body.starts_with('[') ? parse_json_words(body, parsed, why)
                                            : parse_shell_words(body, parsed, why);
    if (!read) return false;
    if (parsed.empty() || parsed.front().empty()) {
        why = "names no program";
        return false;
    }
    words = std::move(parsed);
    return true;
}

std::string_view shell_only_part(std::string_view text) {
    constexpr std::array<std::string_view, 12> kOperators{"|",  "||", "&",  "&&",   ";",    ">",
                                                          ">>", "<",  "2>", "2>&1", "1>&2", "<<"};
    if (trimmed(text).starts_with('[') || runs_a_shell(trimmed(text))) return {};
    std::size_t word_start = 0;
    bool in_single = false;
    bool in_double = false;
    bool quoted = false;
    for (std::size_t at = 0; at <= text.size(); ++at) {
        const char c = at < text.size() ? text[at] : ' ';
        if (in_single) {
            in_single = c != '\'' && at < text.size();
        } else if (c == '\\') {
            ++at;
        } else if (c == '"') {
            in_double = !in_double;
            quoted = true;
        } else if (c == '\'' && !in_double) {
            in_single = true;
            quoted = true;
        } else if (c == '`' || (c == '$' && at + 1 < text.size() && begins_name(text[at + 1]))) {
            return text.substr(at, text.find_first_of(" \t\n\r\"'", at) - at);
        } else if (is_blank(c) && !in_double) {
            const std::string_view word = text.substr(word_start, at - word_start);
            for (const std::string_view op : kOperators) {
                if (!quoted && word == op) return word;
            }
            if (!quoted && word.size() > 1 && word.ends_with(';'))
                return word.substr(word.size() - 1);
            word_start = at + 1;
            quoted = false;
        }
    }
    return {};
}

std::string format_command(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        if (!text.empty()) text.push_back(' ');
        const bool plain = !word.empty() && word.find_first_of(" \t\n\r'\"\\$`|&;<>()*?#~!{}[]") ==
                                                std::string::npos;
        if (plain) {
            text.append(word);
            continue;
        }
        text.push_back('\'');
        for (const char c : word) {
            if (c == '\'') {
                text.append("'\\''");
            } else {
                text.push_back(c);
            }
        }
        text.push_back('\'');
    }
    return text;
}

}  // namespace pilotfish::config
