#include "daemon/program_version.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace pilotfish::daemon {
namespace {

std::optional<int> take_number(std::string_view& text) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

// What follows the key at the beginning of a line, up to the line's end.
std::optional<std::string_view> line_after(std::string_view text, std::string_view key) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = text.substr(at, end - at);
        if (line.starts_with(key)) return line.substr(key.size());
        at = end + 1;
    }
    return std::nullopt;
}

std::string_view unquoted(std::string_view text) {
    while (text.ends_with('\r') || text.ends_with(' ')) text.remove_suffix(1);
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
        text = text.substr(1, text.size() - 2);
    return text;
}

std::optional<Version> take_version(std::string_view& text) {
    Version version;
    const auto major = take_number(text);
    if (!major) return std::nullopt;
    version.major = *major;
    for (int* part : {&version.minor, &version.update}) {
        std::string_view rest = text;
        if (!rest.starts_with('.')) break;
        rest.remove_prefix(1);
        const auto number = take_number(rest);
        if (!number) break;
        *part = *number;
        text = rest;
    }
    return version;
}

// NODE_MODULE_VERSION of the releases with long support (nodejs.org/download/releases).
constexpr std::array<std::pair<int, int>, 7> kNodeInterfaces{
    {{72, 12}, {83, 14}, {93, 16}, {108, 18}, {115, 20}, {127, 22}, {137, 24}}};

}  // namespace

std::optional<Version> parse_version(std::string_view text) { return take_version(text); }

std::optional<Version> parse_java_release(std::string_view text) {
    const auto variant = line_after(text, "JVM_VARIANT=");
    if (variant && unquoted(*variant) != "Hotspot") return std::nullopt;
    const auto line = line_after(text, "JAVA_VERSION=");
    if (!line) return std::nullopt;
    std::string_view rest = unquoted(*line);
    auto version = take_version(rest);
    if (!version || version->major != 1) return version;
    // "1.8.0_292", as it was written before Java 9.
    Version old{version->minor, 0, 0};
    if (rest.starts_with('_')) {
        rest.remove_prefix(1);
        old.update = take_number(rest).value_or(0);
    }
    return old;
}

std::optional<Version> parse_node_header(std::string_view text) {
    Version version;
    for (const auto& [key, part] : {std::pair("#define NODE_MAJOR_VERSION ", &version.major),
                                    std::pair("#define NODE_MINOR_VERSION ", &version.minor),
                                    std::pair("#define NODE_PATCH_VERSION ", &version.update)}) {
        auto line = line_after(text, key);
        const auto number = line ? take_number(*line) : std::nullopt;
        if (!number) return std::nullopt;
        *part = *number;
    }
    return version;
}

std::optional<Version> parse_node_library(std::string_view library) {
    constexpr std::string_view kStem = "libnode.so.";
    if (!library.starts_with(kStem)) return std::nullopt;
    library.remove_prefix(kStem.size());
    const auto number = take_number(library);
    if (!number || !library.empty() || *number < kNodeInterfaces.front().first) return std::nullopt;
    for (const auto& [interface, major] : kNodeInterfaces)
        if (interface == *number) return Version{major, 0, 0};
    return Version{};
}

std::optional<Version> parse_python_library(std::string_view library) {
    constexpr std::string_view kStem = "libpython";
    if (!library.starts_with(kStem)) return std::nullopt;
    library.remove_prefix(kStem.size());
    const auto version = take_version(library);
    // Without a minor number it is libpython3.so, the stable interface, of any version.
    if (!version || version->minor == 0) return std::nullopt;
    return version;
}

std::optional<Version> parse_name(std::string_view name, std::string_view stem) {
    if (!name.starts_with(stem)) return std::nullopt;
    name.remove_prefix(stem.size());
    if (name.empty()) return Version{};
    const auto version = take_version(name);
    // "python3.13t" and "php8.2d" are builds of another kind; "node-exporter" is another program.
    if (!version || name.size() > 1) return std::nullopt;
    return version;
}

}  // namespace pilotfish::daemon
