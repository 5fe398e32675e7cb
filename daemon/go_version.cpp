#include "daemon/go_version.h"

#include <charconv>
#include <cstdint>

namespace pilotfish::daemon {
namespace {

// Go's linker stays far below: module lines of a few kilobytes.
constexpr std::size_t kMostBuildinfoBytes = 1u << 20;
constexpr std::string_view kMagic = "\xff Go buildinf:";
constexpr std::size_t kHeaderBytes = 32;
constexpr std::size_t kFlagsAt = 15;
constexpr char kInlineStrings = 2;  // since Go 1.18

// A length as unsigned LEB128, then that many bytes.
std::optional<std::string_view> take_string(std::string_view& rest) {
    std::uint64_t length = 0;
    for (int shift = 0; shift < 35; shift += 7) {
        if (rest.empty()) return std::nullopt;
        const auto byte = static_cast<unsigned char>(rest.front());
        rest.remove_prefix(1);
        length |= std::uint64_t{byte & 0x7fu} << shift;
        if (byte < 0x80) {
            if (length > rest.size()) return std::nullopt;
            const std::string_view text = rest.substr(0, length);
            rest.remove_prefix(length);
            return text;
        }
    }
    return std::nullopt;
}

std::optional<int> take_int(std::string_view& text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || value < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

}  // namespace

std::optional<GoVersion> parse_go_version(std::string_view text) {
    const std::size_t at = text.find("go");
    if (at == std::string_view::npos || (at != 0 && !text.starts_with("devel ")))
        return std::nullopt;
    text.remove_prefix(at + 2);
    GoVersion version;
    const auto major = take_int(text);
    if (!major || !text.starts_with('.')) return std::nullopt;
    text.remove_prefix(1);
    const auto minor = take_int(text);
    if (!minor) return std::nullopt;
    version.major = *major;
    version.minor = *minor;
    return version;
}

std::optional<GoVersion> parse_go_buildinfo(std::string_view section) {
    if (section.size() < kHeaderBytes || !section.starts_with(kMagic)) return std::nullopt;
    if ((section[kFlagsAt] & kInlineStrings) == 0) return GoVersion{1, 17, false};
    std::string_view rest = section.substr(kHeaderBytes);
    const auto text = take_string(rest);
    if (!text) return std::nullopt;
    auto version = parse_go_version(*text);
    if (!version) return std::nullopt;
    // Module lines follow: "build\tDefaultGODEBUG=containermaxprocs=0,...".
    if (const auto modules = take_string(rest)) {
        const std::size_t at = modules->find("\tDefaultGODEBUG=");
        if (at != std::string_view::npos) {
            const std::string_view line = modules->substr(at, modules->find('\n', at) - at);
            version->ignores_container = line.find("containermaxprocs=0") != std::string_view::npos;
        }
    }
    return version;
}

std::optional<GoVersion> go_version_of(ElfFile& file) {
    const auto section = file.section(".go.buildinfo", kMostBuildinfoBytes);
    return section ? parse_go_buildinfo(*section) : std::nullopt;
}

}  // namespace pilotfish::daemon
