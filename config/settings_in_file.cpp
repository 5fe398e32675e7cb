// Which setting a value of the file belongs to, and how it reads as that one's variable would.
#include <algorithm>
#include <map>
#include <optional>

#include "config/command_text.h"
#include "config/field_text.h"
#include "config/in_quotes.h"
#include "config/json_text.h"
#include "config/nearest_name.h"
#include "config/setting_table.h"
#include "config/settings_file.h"

namespace pilotfish::config {
namespace {

using Kind = JsonValue::Kind;
using Path = std::span<const std::string>;

std::string in_capitals(std::string_view text) {
    std::string result(text);
    for (char& c : result)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return result;
}

std::string in_small_letters(std::string_view text) {
    std::string result(text);
    for (char& c : result)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return result;
}

std::string joined(Path path, char between) {
    std::string result;
    for (const std::string& name : path) {
        if (!result.empty()) result.push_back(between);
        result.append(name);
    }
    return result;
}

// As it stands in a sentence: names are the user's text.
std::string shown(Path path) {
    const std::string name = joined(path, '.');
    const std::string quoted = in_quotes(name);
    return quoted.size() == name.size() + 2 ? name : quoted;
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

// The value as the variable would hold it; nullopt: it cannot be one.
std::optional<std::string> text_of(const JsonValue& value, std::string_view type) {
    switch (value.kind) {
        case Kind::string: return value.text;
        case Kind::boolean:
            if (is_one_of(type, {"boolean", "text"})) return value.text;
            break;
        case Kind::number:
            if (!is_one_of(type, {"boolean", "choice", "command", "names", "path", "secret"}))
                return value.text;
            break;
        case Kind::array: {
            if (type == "command") {
                if (!value.only_strings) break;
                return value.items.empty() ? "[]" : format_command(value.items);
            }
            if (!is_one_of(type, {"names", "codes", "addresses", "list"})) break;
            for (const std::string& item : value.items)
                if (item.find(',') != std::string::npos) return std::nullopt;
            return joined(value.items, ',');
        }
        case Kind::null:
        case Kind::empty_object: break;
    }
    return std::nullopt;
}

class Mapper {
  public:
    explicit Mapper(const std::string& file) : file_(file) {}

    FileSettings map(const std::vector<JsonLeaf>& leaves) {
        for (const JsonLeaf& leaf : leaves) {
            const Path path = leaf.path;
            if (path.front() == "workers") {
                take_worker(path, leaf);
            } else {
                take(global_settings(), {}, path, path, leaf);
            }
        }
        return std::move(result_);
    }

  private:
    std::string place(Path path, const JsonLeaf& leaf) const {
        return shown(path) + " in " + file_ + ":" + std::to_string(leaf.line);
    }
    void fault(Path path, const JsonLeaf& leaf, const std::string& why) {
        result_.faults.push_back("cannot use " + place(path, leaf) + ": " + why);
    }

    void take_worker(Path path, const JsonLeaf& leaf) {
        const bool is_object = leaf.value.kind == Kind::empty_object;
        const bool is_null = leaf.value.kind == Kind::null;
        if (path.size() <= 2 && !is_object && !is_null) {
            fault(path, leaf,
                  path.size() == 1
                      ? R"(it needs an object of workers, such as {"web":{"command":["nginx"]}})"
                      : "it needs an object of the worker's settings");
            return;
        }
        if (path.size() == 1 || (path.size() == 2 && is_null)) return;
        const std::string& name = path[1];
        Names names;
        std::string why;
        if (!read_field(name, names, why) || names != Names{name}) {
            if (refused_ == name) return;  // once, and not for each of its settings
            refused_ = name;
            fault(path.first(2), leaf,
                  "a worker's name has small letters, digits and -, and begins with a letter");
            return;
        }
        if (std::find(result_.workers.begin(), result_.workers.end(), name) ==
            result_.workers.end())
            result_.workers.push_back(name);
        if (path.size() > 2) take(worker_settings(), name, path, path.subspan(2), leaf);
    }

    // whole: as the user sees it; path: of the owner, by which the setting is found.
    template <class Owner>
    void take(std::span<const SettingRow<Owner>> rows, const std::string& worker, Path whole,
              Path path, const JsonLeaf& leaf) {
        for (const auto& row : rows) {
            const std::string name = in_small_letters(row.name);
            if (row.is_prefix()) {
                // "env" of ENV_
                if (path.front() + "_" != name) continue;
                take_suffixed(row, worker, whole, path, leaf);
                return;
            }
            const std::string given = joined(path, '_');
            if (given == name) {
                take_value(row, worker, {}, whole, leaf);
                return;
            }
            // {"admin":{}} sets nothing, and nothing is wrong with it.
            if (leaf.value.kind == Kind::empty_object && name.starts_with(given + "_")) return;
        }
        say_unknown(rows, whole, path, leaf);
    }

    template <class Owner>
    void take_suffixed(const SettingRow<Owner>& row, const std::string& worker, Path whole,
                       Path path, const JsonLeaf& leaf) {
        const bool nothing = leaf.value.kind == Kind::null || leaf.value.kind == Kind::empty_object;
        if (path.size() == 1 && nothing) return;
        if (path.size() != 2) {
            fault(whole, leaf,
                  "it needs an object, by " + in_small_letters(row.suffix) + ": {" +
                      in_quotes(row.name == "ENV_" ? "PATH" : "nofile") + ":...}");
            return;
        }
        const bool is_variable = row.name == "ENV_";
        const std::string& suffix = path[1];
        if (suffix.empty() || suffix.find('=') != std::string::npos) {
            fault(whole, leaf, "a name cannot be empty or have a =");
            return;
        }
        take_value(row, worker, is_variable ? suffix : in_capitals(suffix), whole, leaf);
    }

    template <class Owner>
    void take_value(const SettingRow<Owner>& row, const std::string& worker,
                    const std::string& suffix, Path whole, const JsonLeaf& leaf) {
        if (leaf.value.kind == Kind::null) return;
        if (worker.empty() && row.name == "CONFIG") {
            fault(whole, leaf, "a file names no other file; PILOTFISH_CONFIG does");
            return;
        }
        const std::string key = worker + "/" + std::string(row.name) + suffix;
        const auto [before, is_first] = places_.emplace(key, place(whole, leaf));
        if (!is_first) {
            fault(whole, leaf, "it is also given as " + before->second + "; keep one of them");
            return;
        }
        const auto text = text_of(leaf.value, row.type);
        if (!text) {
            fault(whole, leaf,
                  "it cannot be " + std::string(words_of(leaf.value.kind)) + " such as this; it " +
                      "needs " + std::string(row.accepted));
            return;
        }
        result_.settings.push_back({.worker = worker,
                                    .name = std::string(row.name),
                                    .suffix = suffix,
                                    .text = *text,
                                    .place = before->second});
    }

    template <class Owner>
    void say_unknown(std::span<const SettingRow<Owner>> rows, Path whole, Path path,
                     const JsonLeaf& leaf) {
        std::vector<std::string> names;
        for (const auto& row : rows) {
            std::string name = in_small_letters(row.name);
            if (row.is_prefix()) name.pop_back();
            names.push_back(std::move(name));
        }
        if (whole.size() == path.size()) names.emplace_back("workers");
        const std::vector<std::string_view> known(names.begin(), names.end());
        const std::string_view nearest = nearest_name(joined(path, '_'), known);
        std::string sentence = place(whole, leaf) + ": there is no such setting";
        if (nearest.empty()) {
            sentence += ": pilotfish help settings lists them";
        } else {
            const Path owner = whole.first(whole.size() - path.size());
            sentence += "; did you mean " + shown(owner) + (owner.empty() ? "" : ".") +
                        std::string(nearest) + "?";
        }
        result_.unknown.push_back(sentence);
    }

    const std::string& file_;
    FileSettings result_;
    std::map<std::string, std::string> places_;  // by owner and setting
    std::string refused_;                        // the last worker's name that was none
};

}  // namespace

FileSettings settings_in(std::string_view text, const std::string& file) {
    const auto leaves = read_json(text, file);
    if (leaves) return Mapper(file).map(*leaves);
    FileSettings none;
    none.faults.push_back(leaves.error().message);
    return none;
}

}  // namespace pilotfish::config
