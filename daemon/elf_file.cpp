#include "daemon/elf_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>

namespace pilotfish::daemon {
namespace {

// Bounds on what is believed; linkers of real programs stay far below each of them.
constexpr std::size_t kMostSections = 512;
constexpr std::size_t kMostNameBytes = 64u << 10;
constexpr std::size_t kMostDynamicBytes = 64u << 10;
constexpr std::size_t kMostLibraryNameBytes = 256;
// Names of one bucket of the hash table: a handful in a table that is not made to harm.
constexpr std::uint32_t kMostChain = 256;

struct GnuHashHeader {
    std::uint32_t buckets;
    std::uint32_t first_symbol;
    std::uint32_t bloom_words;
    std::uint32_t bloom_shift;
};

// The hash of DT_GNU_HASH (Bernstein's, times 33).
std::uint32_t gnu_hash(std::string_view name) {
    std::uint32_t hash = 5381;
    for (const char letter : name) hash = hash * 33 + static_cast<unsigned char>(letter);
    return hash;
}

bool is_native_header(const Elf64_Ehdr& header) {
    const unsigned char order =
        std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
    return std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
           header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_ident[EI_DATA] == order &&
           header.e_shentsize == sizeof(Elf64_Shdr) && header.e_shnum > 0 &&
           header.e_shnum <= kMostSections && header.e_shstrndx < header.e_shnum;
}

// Looked at before it is opened: opening a device may rewind a tape or start a watchdog, opening a
// FIFO lets its writer go. Should it be exchanged in between, the open at least does not block.
int open_regular(const std::string& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return -1;
    return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

std::string_view text_at(std::string_view texts, std::uint64_t offset) {
    if (offset >= texts.size()) return {};
    const std::string_view rest = texts.substr(offset);
    return rest.substr(0, rest.find('\0'));
}

}  // namespace

ElfFile::ElfFile(const std::string& path) : fd_(open_regular(path)) {}

ElfFile::~ElfFile() {
    if (fd_ >= 0) ::close(fd_);
}

// All of them, or false.
bool ElfFile::read(void* into, std::size_t bytes, std::uint64_t offset) const {
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

bool ElfFile::read_in(const Elf64_Shdr& section, void* into, std::size_t bytes,
                      std::uint64_t offset) const {
    if (section.sh_type == SHT_NOBITS || offset > section.sh_size ||
        bytes > section.sh_size - offset || section.sh_offset > INT64_MAX - offset)
        return false;
    return read(into, bytes, section.sh_offset + offset);
}

std::string ElfFile::head(std::size_t most) const {
    std::string text(most, '\0');
    ssize_t got = fd_ < 0 ? -1 : ::pread(fd_, text.data(), text.size(), 0);
    while (got < 0 && fd_ >= 0 && errno == EINTR) got = ::pread(fd_, text.data(), text.size(), 0);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
}

bool ElfFile::load() {
    Elf64_Ehdr header;
    if (!read(&header, sizeof header, 0) || !is_native_header(header)) return false;
    sections_.resize(header.e_shnum);
    if (!read(sections_.data(), sections_.size() * sizeof(Elf64_Shdr), header.e_shoff))
        return false;
    const Elf64_Shdr& names = sections_[header.e_shstrndx];
    if (names.sh_size > kMostNameBytes) return false;
    names_.resize(names.sh_size);
    return read_in(names, names_.data(), names_.size(), 0);
}

bool ElfFile::is_native() {
    if (!native_) native_ = load();
    return *native_;
}

const Elf64_Shdr* ElfFile::find(std::string_view name) const {
    const auto found = std::find_if(
        sections_.begin(), sections_.end(),
        [&](const Elf64_Shdr& section) { return text_at(names_, section.sh_name) == name; });
    return found == sections_.end() ? nullptr : &*found;
}

std::optional<std::string> ElfFile::section(std::string_view name, std::size_t most) {
    const Elf64_Shdr* found = is_native() ? find(name) : nullptr;
    if (found == nullptr) return std::nullopt;
    std::string contents(std::min<std::uint64_t>(found->sh_size, most), '\0');
    if (!read_in(*found, contents.data(), contents.size(), 0)) return std::nullopt;
    return contents;
}

std::vector<std::string> ElfFile::needed_libraries() {
    std::vector<std::string> libraries;
    const auto dynamic = section(".dynamic", kMostDynamicBytes);
    const Elf64_Shdr* strings = dynamic ? find(".dynstr") : nullptr;
    if (strings == nullptr) return libraries;
    for (std::size_t at = 0; at + sizeof(Elf64_Dyn) <= dynamic->size(); at += sizeof(Elf64_Dyn)) {
        Elf64_Dyn entry;
        std::memcpy(&entry, dynamic->data() + at, sizeof entry);
        if (entry.d_tag == DT_NULL) break;
        if (entry.d_tag != DT_NEEDED || entry.d_un.d_val >= strings->sh_size) continue;
        std::array<char, kMostLibraryNameBytes> name{};
        const std::uint64_t rest = strings->sh_size - entry.d_un.d_val;
        const std::size_t bytes = std::min<std::uint64_t>(rest, name.size());
        if (!read_in(*strings, name.data(), bytes, entry.d_un.d_val)) break;
        libraries.emplace_back(text_at({name.data(), bytes}, 0));
    }
    return libraries;
}

bool ElfFile::is_named(const Elf64_Shdr& symbols, const Elf64_Shdr& strings, std::uint32_t index,
                       std::string_view symbol) const {
    Elf64_Sym entry;
    if (!read_in(symbols, &entry, sizeof entry, std::uint64_t{index} * sizeof entry)) return false;
    std::string name(symbol.size() + 1, 'x');
    return entry.st_shndx != SHN_UNDEF &&
           read_in(strings, name.data(), name.size(), entry.st_name) && text_at(name, 0) == symbol;
}

bool ElfFile::exports(std::string_view symbol) {
    const Elf64_Shdr* table = is_native() ? find(".gnu.hash") : nullptr;
    const Elf64_Shdr* symbols = find(".dynsym");
    const Elf64_Shdr* strings = find(".dynstr");
    GnuHashHeader header;
    if (table == nullptr || symbols == nullptr || strings == nullptr ||
        !read_in(*table, &header, sizeof header, 0) || header.buckets == 0)
        return false;
    const std::uint32_t hash = gnu_hash(symbol);
    const std::uint64_t buckets = sizeof header + std::uint64_t{header.bloom_words} * 8;
    std::uint32_t index = 0;
    if (!read_in(*table, &index, sizeof index,
                 buckets + std::uint64_t{hash % header.buckets} * 4) ||
        index < header.first_symbol)
        return false;  // 0: an empty bucket
    const std::uint64_t chains = buckets + std::uint64_t{header.buckets} * 4;
    for (std::uint32_t steps = 0; steps < kMostChain; ++steps, ++index) {
        std::uint32_t link = 0;  // the hash of that symbol; its lowest bit ends the chain
        if (!read_in(*table, &link, sizeof link,
                     chains + std::uint64_t{index - header.first_symbol} * 4))
            return false;
        if ((link | 1) == (hash | 1) && is_named(*symbols, *strings, index, symbol)) return true;
        if ((link & 1) != 0) return false;
    }
    return false;
}

}  // namespace pilotfish::daemon
