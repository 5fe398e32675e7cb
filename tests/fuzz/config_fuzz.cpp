// Fuzzes what a user's text meets in config/: an environment as a whole, and each small parser.
// None may crash, hang or change its target on a refusal; what is accepted must read back from what
// we show. The input's first byte chooses; the rest is text, for the environment one entry a line.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/check_report.h"
#include "config/command_text.h"
#include "config/field_text.h"
#include "config/load.h"
#include "config/resolved_settings.h"
#include "core/check.h"

namespace {

using namespace pilotfish;

void check_size(std::string_view text) {
    config::Bytes value{42};
    std::string why;
    if (!config::parse_size(text, value, why)) {
        PF_CHECK(value.count == 42, "a refused size was stored");
        return;
    }
    config::Bytes again;
    PF_CHECK(config::parse_size(config::format_size(value), again, why) && again == value,
             "a size does not read back");
}

void check_duration(std::string_view text) {
    config::Duration value(42);
    std::string why;
    if (!config::parse_duration(text, value, why)) {
        PF_CHECK(value.count() == 42, "a refused duration was stored");
        return;
    }
    PF_CHECK(value.count() >= 0, "a duration below zero");
    config::Duration again{};
    PF_CHECK(config::parse_duration(config::format_duration(value), again, why) && again == value,
             "a duration does not read back");
}

void check_command(std::string_view text) {
    config::Command words{"kept"};
    std::string why;
    config::shell_only_part(text);
    if (!config::parse_command(text, words, why)) {
        PF_CHECK(words == config::Command{"kept"}, "a refused command was stored");
        PF_CHECK(!why.empty(), "a command refused without a reason");
        return;
    }
    PF_CHECK(!words.empty() && !words.front().empty(), "an empty command was accepted");
    config::Command again;
    PF_CHECK(config::parse_command(config::format_command(words), again, why) && again == words,
             "a command does not read back");
}

void check_address(std::string_view text) {
    config::ListenAddress address{.host = "kept"};
    std::string why;
    if (!config::parse_listen_address(text, address, why)) {
        PF_CHECK(address.host == "kept" && !why.empty(), "a refused address was stored");
        return;
    }
    PF_CHECK(address.is_unix() != !address.host.empty(), "an address of both kinds or of none");
    config::ListenAddress again;
    PF_CHECK(config::parse_listen_address(config::format_listen_address(address), again, why) &&
                 again == address,
             "an address does not read back");
}

template <class Field>
void check_field(std::string_view text) {
    Field value{};
    std::string why;
    if (!config::read_field(text, value, why)) return;
    const std::string shown = config::show_field(value);
    Field again{};
    PF_CHECK(config::read_field(shown, again, why), "a field's own text is refused");
    PF_CHECK(config::show_field(again) == shown, "a field's text changes when read back");
}

void check_fields(std::string_view text) {
    check_field<config::Signal>(text);
    check_field<config::ExitCodes>(text);
    check_field<config::Listeners>(text);
    check_field<config::Names>(text);
    check_field<config::MemoryLimitSetting>(text);
    check_field<config::OptionalPath>(text);
    check_field<std::optional<int>>(text);
    check_field<std::optional<config::Schedule>>(text);
    check_field<config::RateLimit>(text);
    config::Cpus cpus;
    std::string why;
    if (config::parse_cpus(text, cpus, why)) {
        PF_CHECK(cpus.count > 0 && cpus.count <= 4096, "processors out of range");
    }
}

// Every entry gets the prefix, so that no byte is spent on reaching the loader.
void check_environment(std::string_view text, config::Action action, bool with_command) {
    std::vector<std::string> entries;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string entry = "PILOTFISH_" + std::string(text.substr(0, end));
        std::erase(entry, '\0');
        entries.push_back(std::move(entry));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    std::vector<const char*> environ;
    for (const std::string& entry : entries) environ.push_back(entry.c_str());
    environ.push_back(nullptr);
    config::Invocation invocation{.action = action};
    if (with_command) invocation.command = {"app"};
    const auto loaded = config::load(environ.data(), invocation);
    PF_CHECK(loaded.ok() || !loaded.error().message.empty(), "a fault without a sentence");
    config::check_report(loaded, config::OutputForm::text, true);
    const auto report = config::check_report(loaded, config::OutputForm::json, false);
    PF_CHECK(report.exit_code == (loaded.ok() ? 0 : 2), "check ends with the wrong code");
}

// A secret is in the text where the fuzzer put it; nothing that is shown may have it.
void check_file(std::string_view text, config::Action action) {
    static const char* const environ[] = {"PILOTFISH_CONFIG=/file.json",
                                          "PILOTFISH_WORKER_WEB_ENV_A=environment", nullptr};
    const config::Invocation invocation{.action = action};
    const auto loaded = config::load(
        environ, invocation,
        [&](const std::string&) -> core::Result<std::string> { return std::string(text); });
    PF_CHECK(loaded.ok() || !loaded.error().message.empty(), "a fault without a sentence");
    const auto report = config::check_report(loaded, config::OutputForm::json, false);
    PF_CHECK(report.exit_code == (loaded.ok() ? 0 : 2), "check ends with the wrong code");
    if (!loaded) return;
    const std::string& token = loaded->settings.admin_token.text;
    // What is longer than this is in no name of ours.
    PF_CHECK(token.size() < 40 || report.output.find(token) == std::string::npos ||
                 text.find(token) != text.rfind(token),
             "a token is shown");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    using config::Action;
    switch (data[0] % 16) {
        case 0: check_size(text); break;
        case 1: check_duration(text); break;
        case 2: check_command(text); break;
        case 3: check_address(text); break;
        case 4: check_fields(text); break;
        case 5: check_environment(text, Action::entrypoint, true); break;
        case 6: check_environment(text, Action::run, false); break;
        case 7: check_environment(text, Action::check, false); break;
        default: check_file(text, data[0] % 2 == 0 ? Action::run : Action::check); break;
    }
    return 0;
}
