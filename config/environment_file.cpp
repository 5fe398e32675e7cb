#include "config/environment_file.h"

#include <algorithm>
#include <unordered_map>

namespace pilotfish::config {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_blank(char c) { return c == ' ' || c == '\t'; }

class Reader {
  public:
    explicit Reader(std::string_view text) : rest_(text) {}

    bool at_end() const { return rest_.empty(); }
    int line() const { return line_; }
    // '\n' at the end of the text too; CR LF is one.
    char peek() const {
        if (rest_.empty() || rest_.starts_with("\r\n") || rest_ == "\r") return '\n';
        return rest_.front();
    }
    char take() {
        const char c = peek();
        if (rest_.starts_with("\r\n")) rest_.remove_prefix(1);
        if (!rest_.empty()) rest_.remove_prefix(1);
        if (c == '\n') ++line_;
        return c;
    }
    void skip_blanks() {
        while (is_blank(peek())) take();
    }
    void skip_line() {
        while (take() != '\n') {
        }
    }
    // Drops it when it comes next.
    bool take_word(std::string_view word) {
        if (!rest_.starts_with(word)) return false;
        rest_.remove_prefix(word.size());
        return true;
    }

  private:
    std::string_view rest_;
    int line_ = 1;
};

// What stands between the quotes is appended; the opening one has been taken.
bool read_quoted(Reader& reader, char quote, std::string& value) {
    while (!reader.at_end()) {
        char c = reader.take();
        if (c == quote) return true;
        if (c == '\\' && quote == '"' && !reader.at_end()) {
            const char next = reader.take();
            if (next == '\n') continue;
            if (next != '"' && next != '\\' && next != '$' && next != '`') value += c;
            c = next;
        }
        value += c;
    }
    return false;
}

// Up to the end of the line.
bool read_value(Reader& reader, std::string& value) {
    std::size_t keep = 0;  // blanks behind this are dropped
    while (reader.peek() != '\n') {
        const char c = reader.take();
        if (c == '"' || c == '\'') {
            if (!read_quoted(reader, c, value)) return false;
            keep = value.size();
        } else if (c == '\\' && !reader.at_end()) {
            const char next = reader.take();
            if (next == '\n') continue;
            value += next;
            keep = value.size();
        } else {
            value += c;
            if (!is_blank(c)) keep = value.size();
        }
    }
    reader.take();
    value.resize(keep);
    return true;
}

}  // namespace

bool is_variable_name(std::string_view name) {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    return !name.empty() && is_letter(name.front()) &&
           std::all_of(name.begin(), name.end(),
                       [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

bool parse_environment_file(std::string_view text, Variables& variables, std::string& why) {
    if (text.find('\0') != std::string_view::npos) {
        why = "it has a NUL byte, which no variable can hold";
        return false;
    }
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    std::unordered_map<std::string, std::size_t> places;
    for (std::size_t at = 0; at < variables.size(); ++at) places.emplace(variables[at].first, at);
    Reader reader(text);
    while (!reader.at_end()) {
        reader.skip_blanks();
        const int line = reader.line();
        const auto refuse = [&](const std::string& what) {
            why = "line " + std::to_string(line) + ": " + what;
            return false;
        };
        if (const char first = reader.peek(); first == '\n' || first == '#' || first == ';') {
            reader.skip_line();
            continue;
        }
        if (reader.take_word("export ") || reader.take_word("export\t")) reader.skip_blanks();
        std::string name;
        while (reader.peek() != '=' && reader.peek() != '\n') name += reader.take();
        while (!name.empty() && is_blank(name.back())) name.pop_back();
        if (reader.peek() != '=') return refuse("it is not NAME=value");
        reader.take();
        if (!is_variable_name(name))
            return refuse("what stands before the = is no name of letters, digits and _");
        reader.skip_blanks();
        std::string value;
        if (!read_value(reader, value)) return refuse("a quote is not closed");
        const auto [place, is_new] = places.emplace(name, variables.size());
        if (is_new) variables.emplace_back(std::move(name), std::string());
        variables[place->second].second = std::move(value);
    }
    return true;
}

}  // namespace pilotfish::config
