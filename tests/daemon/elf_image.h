// ELF files made by hand, whole or harmed, for the tests of what reads them.
//
// One thread; plain values.
#pragma once

#include <elf.h>

#include <bit>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pilotfish::daemon {

struct ElfSection {
    std::string name;
    std::string contents;
    std::uint32_t type = SHT_PROGBITS;
};

template <class T>
std::string bytes_of(const T& value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

// Sections in this order: none, the names, then the given ones.
inline std::string elf_image(const std::vector<ElfSection>& contents) {
    std::string names(1, '\0');
    std::vector<Elf64_Shdr> sections(2 + contents.size(), Elf64_Shdr{});
    for (std::size_t i = 0; i < contents.size(); ++i) {
        sections[2 + i].sh_name = static_cast<Elf64_Word>(names.size());
        sections[2 + i].sh_type = contents[i].type;
        sections[2 + i].sh_size = contents[i].contents.size();
        names += contents[i].name + '\0';
    }
    Elf64_Ehdr header = {};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] =
        std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = static_cast<Elf64_Half>(sections.size());
    header.e_shstrndx = 1;
    header.e_shoff = sizeof header;
    std::size_t offset = sizeof header + sections.size() * sizeof(Elf64_Shdr);
    sections[1].sh_type = SHT_STRTAB;
    sections[1].sh_offset = offset;
    sections[1].sh_size = names.size();
    offset += names.size();
    std::string body = names;
    for (std::size_t i = 0; i < contents.size(); ++i) {
        sections[2 + i].sh_offset = offset;
        offset += contents[i].contents.size();
        body += contents[i].contents;
    }
    std::string image = bytes_of(header);
    for (const Elf64_Shdr& section : sections) image += bytes_of(section);
    return image + body;
}

// A dynamic executable that exports these symbols, all in one bucket, and needs these libraries.
// hidden: a symbol that is only imported.
inline std::string dynamic_image(const std::vector<std::string>& exports,
                                 const std::vector<std::string>& libraries,
                                 const std::string& hidden = {}) {
    std::string strings(1, '\0');
    std::string symbols = bytes_of(Elf64_Sym{});
    std::string chain;
    std::vector<std::string> all = exports;
    if (!hidden.empty()) all.push_back(hidden);
    for (std::size_t i = 0; i < all.size(); ++i) {
        Elf64_Sym symbol = {};
        symbol.st_name = static_cast<Elf64_Word>(strings.size());
        symbol.st_shndx = i < exports.size() ? 1 : SHN_UNDEF;
        symbols += bytes_of(symbol);
        strings += all[i] + '\0';
        std::uint32_t hash = 5381;
        for (const char letter : all[i]) hash = hash * 33 + static_cast<unsigned char>(letter);
        chain += bytes_of((hash & ~1u) | (i + 1 == all.size() ? 1u : 0u));
    }
    std::string table;  // one bucket, symbols from 1 on, one word of a filter that is not looked at
    for (const std::uint32_t word : {1u, 1u, 1u, 0u, 0u, 0u, all.empty() ? 0u : 1u})
        table += bytes_of(word);
    std::string dynamic;
    for (const std::string& library : libraries) {
        Elf64_Dyn entry = {};
        entry.d_tag = DT_NEEDED;
        entry.d_un.d_val = strings.size();
        dynamic += bytes_of(entry);
        strings += library + '\0';
    }
    dynamic += bytes_of(Elf64_Dyn{});
    return elf_image({{".gnu.hash", table + chain, SHT_GNU_HASH},
                      {".dynsym", symbols, SHT_DYNSYM},
                      {".dynstr", strings, SHT_STRTAB},
                      {".dynamic", dynamic, SHT_DYNAMIC}});
}

}  // namespace pilotfish::daemon
