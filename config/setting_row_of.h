// How a row of the setting table is made from a field: its type tells the accepted form, the parser
// and how it is shown.
//
// Constant data; any thread; never blocks. For the files of the table alone (setting_table.cpp,
// worker_settings_*.cpp).
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "config/field_text.h"
#include "config/setting_table.h"

namespace pilotfish::config {

// "Accept text, but": half a sentence, or "" when the value read is fine.
template <class Field>
using Objection = std::string_view (*)(const Field& value);

// What a row says beyond its field. `accepted` and `default_words` stand in for the type's own.
struct Words {
    std::string_view group;
    std::string_view help;
    std::string_view accepted = {};
    std::string_view default_words = {};
};

template <class Owner, class Field>
Field field_of(Field Owner::*);
template <class Owner, class Field>
Owner owner_of(Field Owner::*);

template <auto Member, auto Object = nullptr>
constexpr auto row(std::string_view name, Words words) {
    using Owner = decltype(owner_of(Member));
    using Field = decltype(field_of(Member));
    return SettingRow<Owner>{
        .name = name,
        .type = kFieldWords<Field>.type,
        .accepted = words.accepted.empty() ? kFieldWords<Field>.accepted : words.accepted,
        .unit = kFieldWords<Field>.unit,
        .group = words.group,
        .help = words.help,
        .default_words = words.default_words,
        .is_secret = std::is_same_v<Field, Secret>,
        .read =
            [](std::string_view text, std::string_view, Owner& owner, std::string& why) {
                Field value{};
                if (!read_field(text, value, why)) return false;
                if constexpr (!std::is_same_v<decltype(Object), std::nullptr_t>) {
                    if (const std::string_view objection = Object(value); !objection.empty()) {
                        why = objection;
                        return false;
                    }
                }
                owner.*Member = std::move(value);
                return true;
            },
        .show = [](const Owner& owner) { return show_field(owner.*Member); },
        .same = [](const Owner& one, const Owner& other) { return one.*Member == other.*Member; },
        .copy = [](const Owner& from, Owner& to) { to.*Member = from.*Member; },
    };
}

inline std::string_view not_zero(const Duration& value) {
    return value == Duration::zero() ? "cannot be 0" : "";
}

}  // namespace pilotfish::config
