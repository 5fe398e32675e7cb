// What an executable file says of itself, without running it: its first bytes, its ELF sections,
// the libraries it asks for and the names it exports.
//
// One thread. Owns the descriptor for its life. Blocks as the file system does; what is no regular
// file is never opened. Fails: false, empty or nullopt for everything that is not there or not
// believable; a hostile file costs a bounded number of bounded reads.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pilotfish::daemon {

class ElfFile {
  public:
    explicit ElfFile(const std::string& path);
    ElfFile(const ElfFile&) = delete;
    ElfFile& operator=(const ElfFile&) = delete;
    ~ElfFile();

    // Up to so many bytes from the beginning of any regular file. Costs no more than a read of
    // them.
    std::string head(std::size_t most) const;

    // An ELF file of this machine's word size and byte order, with sections. Read when first asked.
    bool is_native();

    // The contents, cut off at `most`; nullopt: no such section, or none in the file.
    std::optional<std::string> section(std::string_view name, std::size_t most);

    // DT_NEEDED: "libpython3.11.so.1.0", in the file's order.
    std::vector<std::string> needed_libraries();

    // Defined in the dynamic symbol table. By the GNU hash table: four small reads and one for each
    // name of the same hash; without such a table false.
    bool exports(std::string_view symbol);

  private:
    bool read(void* into, std::size_t bytes, std::uint64_t offset) const;
    bool read_in(const Elf64_Shdr& section, void* into, std::size_t bytes,
                 std::uint64_t offset) const;
    bool load();
    const Elf64_Shdr* find(std::string_view name) const;
    bool is_named(const Elf64_Shdr& symbols, const Elf64_Shdr& strings, std::uint32_t index,
                  std::string_view symbol) const;

    int fd_;
    std::optional<bool> native_;
    std::vector<Elf64_Shdr> sections_;
    std::string names_;
};

}  // namespace pilotfish::daemon
