#include "config/json_text.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "config/in_quotes.h"

namespace pilotfish::config {
namespace {

// Tells the parser's events where they stand: it takes a character only when it needs it.
class CountingIterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    CountingIterator(const char* at, std::size_t* line) : at_(at), line_(line) {}
    const char& operator*() const { return *at_; }
    CountingIterator& operator++() {
        if (*at_ == '\n') ++*line_;
        ++at_;
        return *this;
    }
    CountingIterator operator++(int) {
        const CountingIterator before = *this;
        ++*this;
        return before;
    }
    bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
    bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

  private:
    const char* at_;
    std::size_t* line_;
};

// The library's reason without its prefix, and without what it read last, which may be a password.
std::string reason_of(std::string_view what) {
    if (const auto dash = what.find(" - "); dash != std::string_view::npos)
        what.remove_prefix(dash + 3);
    if (const auto last = what.find("; last read"); last != std::string_view::npos)
        what = what.substr(0, last);
    return std::string(what);
}

class Reader {
  public:
    Reader(std::string_view text, const std::string& file) : text_(text), file_(file) {}

    core::Result<std::vector<JsonLeaf>> read() {
        if (text_.size() > kLongestJson) {
            fault(1, "it has " + std::to_string(text_.size()) + " bytes, and may have " +
                         std::to_string(kLongestJson));
        } else {
            const char* const begin = text_.data();
            nlohmann::json::sax_parse(CountingIterator(begin, &line_),
                                      CountingIterator(begin + text_.size(), &line_), this);
        }
        if (faults_.empty()) return std::move(leaves_);
        return core::Error{std::move(faults_), 0};
    }

    // The interface of nlohmann's parser; false ends it.
    bool null() { return scalar(JsonValue::Kind::null, {}); }
    bool boolean(bool value) { return scalar(JsonValue::Kind::boolean, value ? "true" : "false"); }
    bool number_integer(std::int64_t value) {
        return scalar(JsonValue::Kind::number, std::to_string(value));
    }
    bool number_unsigned(std::uint64_t value) {
        return scalar(JsonValue::Kind::number, std::to_string(value));
    }
    bool number_float(double, const std::string& as_written) {
        return scalar(JsonValue::Kind::number, as_written);
    }
    bool string(std::string& value) { return scalar(JsonValue::Kind::string, std::move(value)); }
    bool binary(std::vector<std::uint8_t>&) { return false; }  // no JSON text has it

    bool start_object(std::size_t) {
        if (in_array_) return refuse("a list holds strings, numbers and booleans alone");
        if (levels_.size() >= kDeepestJson)
            return refuse("it is more than " + std::to_string(kDeepestJson) + " levels deep");
        levels_.push_back({});
        return true;
    }
    bool key(std::string& name) {
        Level& level = levels_.back();
        if (level.named) path_.pop_back();
        level.named = true;
        path_.push_back(name);
        key_line_ = line_;
        if (name.find('\0') != std::string::npos) fault(line_, "a name has a NUL character");
        if (!level.names.insert(std::move(name)).second)
            fault(line_, in_quotes(joined_path()) + " comes twice in one object");
        return true;
    }
    bool end_object() {
        const bool was_empty = !levels_.back().named;
        if (!was_empty) path_.pop_back();
        levels_.pop_back();
        if (was_empty && !path_.empty()) add({.kind = JsonValue::Kind::empty_object});
        return true;
    }
    bool start_array(std::size_t) {
        if (in_array_) return refuse("a list holds strings, numbers and booleans alone");
        if (levels_.empty()) return refuse("the whole must be an object: {...}");
        in_array_ = true;
        array_ = {.kind = JsonValue::Kind::array};
        return true;
    }
    bool end_array() {
        in_array_ = false;
        add(std::move(array_));
        return true;
    }
    bool parse_error(std::size_t position, const std::string&,
                     const nlohmann::detail::exception& error) {
        // Counted from 1, of the character that could not be.
        const std::size_t at = std::min(position > 0 ? position - 1 : 0, text_.size());
        const std::string_view before = text_.substr(0, at);
        const auto line = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
        const std::size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
        std::string why = reason_of(error.what());
        // With "/" the fault is found there or right behind it.
        const bool comment = at < text_.size() && (text_[at] == '/' || text_[at] == '#');
        const bool behind = at > 0 && text_[at - 1] == '/';
        if (comment || behind) why += "; JSON has no comments";
        fault(line + 1, why, at - start + 1);
        return false;
    }

  private:
    struct Level {
        std::set<std::string> names;
        bool named = false;  // path_ ends with one of them
    };

    std::string joined_path() const {
        std::string joined;
        for (const std::string& name : path_) joined += (joined.empty() ? "" : ".") + name;
        return joined;
    }

    void fault(std::size_t line, const std::string& why, std::size_t column = 0) {
        if (!faults_.empty()) faults_ += '\n';
        faults_ += "cannot read " + file_ + ":" + std::to_string(line);
        if (column > 0) faults_ += ":" + std::to_string(column);
        faults_ += ": " + why;
    }

    bool refuse(const std::string& why) {
        fault(line_, why);
        return false;
    }

    bool scalar(JsonValue::Kind kind, std::string text) {
        if (levels_.empty()) return refuse("the whole must be an object: {...}");
        if (text.find('\0') != std::string::npos)
            fault(key_line_, in_quotes(joined_path()) + " has a NUL character");
        if (!in_array_) {
            add({.kind = kind, .text = std::move(text)});
            return true;
        }
        if (kind == JsonValue::Kind::null) return refuse("a list cannot hold null");
        array_.only_strings &= kind == JsonValue::Kind::string;
        array_.items.push_back(std::move(text));
        return true;
    }

    void add(JsonValue value) {
        leaves_.push_back({.path = path_, .line = key_line_, .value = std::move(value)});
    }

    const std::string_view text_;
    const std::string& file_;
    std::size_t line_ = 1;
    std::size_t key_line_ = 1;
    std::vector<Level> levels_;
    std::vector<std::string> path_;
    bool in_array_ = false;
    JsonValue array_;
    std::vector<JsonLeaf> leaves_;
    std::string faults_;
};

}  // namespace

std::string_view words_of(JsonValue::Kind kind) {
    switch (kind) {
        case JsonValue::Kind::null: return "null";
        case JsonValue::Kind::boolean: return "a boolean";
        case JsonValue::Kind::number: return "a number";
        case JsonValue::Kind::string: return "a string";
        case JsonValue::Kind::array: return "a list";
        case JsonValue::Kind::empty_object: return "an object";
    }
    return {};
}

core::Result<std::vector<JsonLeaf>> read_json(std::string_view text, const std::string& file) {
    return Reader(text, file).read();
}

}  // namespace pilotfish::config
