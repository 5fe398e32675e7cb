// Fuzzes what says as whom a worker runs: files of variables, and the small parsers beside them.
// What is accepted must read back from what we show; a file's variables, written in quotes, from
// that.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "config/capability_set.h"
#include "config/environment_file.h"
#include "config/identity.h"
#include "core/check.h"

namespace {

using namespace pilotfish;

void check_environment_file(std::string_view text) {
    config::Variables variables;
    std::string why;
    if (!config::parse_environment_file(text, variables, why)) {
        PF_CHECK(!why.empty(), "a file refused without a reason");
        return;
    }
    std::set<std::string> names;
    std::string written;
    for (const auto& [name, value] : variables) {
        PF_CHECK(config::is_variable_name(name) && names.insert(name).second,
                 "a name twice, or none");
        PF_CHECK(value.find('\0') == value.npos, "a NUL in a value");
        written += name + "=\"";
        for (const char c : value) {
            if (c == '"' || c == '\\' || c == '$' || c == '`') written += '\\';
            written += c;
        }
        written += "\"\n";
    }
    // A CR before a line's end is dropped, also between quotes.
    if (written.find('\r') != written.npos) return;
    config::Variables again;
    PF_CHECK(config::parse_environment_file(written, again, why) && again == variables,
             "variables do not read back");
}

template <class Value, class Parse, class Format>
void check(std::string_view text, Parse parse, Format format) {
    Value value{};
    std::string why;
    if (!parse(text, value, why)) {
        PF_CHECK(value == Value{}, "what was refused was stored");
        return;
    }
    Value again{};
    PF_CHECK(parse(format(value), again, why) && again == value, "a value does not read back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 6) {
        case 0:
            check<config::UserChoice>(text, config::parse_user, config::format_user);
            check<config::GroupChoice>(text, config::parse_group, config::format_group);
            break;
        case 1: check<config::Umask>(text, config::parse_umask, config::format_umask); break;
        case 2:
            check<config::IoPriority>(text, config::parse_io_priority, config::format_io_priority);
            break;
        case 3:
            check<config::CapabilityChoice>(text, config::parse_capabilities,
                                            config::format_capabilities);
            break;
        case 4:
            check<config::EnvironmentFiles>(text, config::parse_environment_files,
                                            config::format_environment_files);
            break;
        default: check_environment_file(text); break;
    }
    return 0;
}
