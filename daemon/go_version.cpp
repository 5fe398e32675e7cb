#include "daemon/go_version.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <vector>

namespace pilotfish::daemon {
namespace {

// Bounds on what is believed; Go's linker stays far below each of them.
constexpr std::size_t kMostSections = 512;
constexpr std::size_t kMostNameBytes = 64u << 10;
constexpr std::size_t kMostBuildinfoBytes = 1u << 20;
constexpr std::string_view kMagic = "\xff Go buildinf:";
constexpr std::size_t kHeaderBytes = 32;
constexpr std::size_t kFlagsAt = 15;
constexpr char kInlineStrings = 2;  // since Go 1.18

class File {
  public:
    explicit File(const std::string& path)
        : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() {
        if (fd_ >= 0) ::close(fd_);
    }
    // All of them, or false.
    bool read(void* into, std::size_t bytes, std::uint64_t offset) const {
        if (fd_ < 0 || offset > INT64_MAX - bytes) return false;
        auto* at = static_cast<char*>(into);
        while (bytes > 0) {
            const ssize_t got = ::pread(fd_, at, bytes, static_cast<off_t>(offset));
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return false;
            at += got;
            offset += static_cast<std::uint64_t>(got);
            bytes -= static_cast<std::size_t>(got);
        }
        return true;
    }

  private:
    int fd_;
};

bool is_native_elf(const Elf64_Ehdr& header) {
    const unsigned char order =
        std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
    return std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
           header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_ident[EI_DATA] == order &&
           header.e_shentsize == sizeof(Elf64_Shdr) && header.e_shnum > 0 &&
           header.e_shnum <= kMostSections && header.e_shstrndx < header.e_shnum;
}

std::string_view name_at(const std::string& names, std::size_t offset) {
    if (offset >= names.size()) return {};
    const std::string_view rest = std::string_view(names).substr(offset);
    return rest.substr(0, rest.find('\0'));
}

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

std::optional<GoVersion> go_version_of(const std::string& executable) {
    const File file(executable);
    Elf64_Ehdr header;
    if (!file.read(&header, sizeof header, 0) || !is_native_elf(header)) return std::nullopt;
    std::vector<Elf64_Shdr> sections(header.e_shnum);
    if (!file.read(sections.data(), sections.size() * sizeof(Elf64_Shdr), header.e_shoff))
        return std::nullopt;
    const Elf64_Shdr& names_section = sections[header.e_shstrndx];
    if (names_section.sh_size > kMostNameBytes) return std::nullopt;
    std::string names(names_section.sh_size, '\0');
    if (!file.read(names.data(), names.size(), names_section.sh_offset)) return std::nullopt;
    for (const Elf64_Shdr& section : sections) {
        if (name_at(names, section.sh_name) != ".go.buildinfo") continue;
        if (section.sh_type == SHT_NOBITS) return std::nullopt;
        std::string contents(std::min<std::uint64_t>(section.sh_size, kMostBuildinfoBytes), '\0');
        if (!file.read(contents.data(), contents.size(), section.sh_offset)) return std::nullopt;
        return parse_go_buildinfo(contents);
    }
    return std::nullopt;
}

}  // namespace pilotfish::daemon
