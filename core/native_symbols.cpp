#include "core/native_symbols.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string_view>

#include "core/demangle.h"

namespace pilotfish::core {
namespace {

struct Module {
    std::uintptr_t address;  // asked for
    std::uintptr_t base = 0;
    std::uintptr_t code_begin = 0;  // 0: not found
    const char* path = "";
};

int visit_module(dl_phdr_info* info, std::size_t, void* context) {
    auto& module = *static_cast<Module*>(context);
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        const ElfW(Phdr)& part = info->dlpi_phdr[i];
        const std::uintptr_t begin = info->dlpi_addr + part.p_vaddr;
        if (part.p_type != PT_LOAD || !(part.p_flags & PF_X) || module.address < begin ||
            module.address >= begin + part.p_memsz)
            continue;
        module.base = info->dlpi_addr;
        module.code_begin = begin;
        module.path = info->dlpi_name;
        return 1;
    }
    return 0;
}

Module module_of(std::uintptr_t address) noexcept {
    Module module{.address = address};
    dl_iterate_phdr(visit_module, &module);
    return module;
}

std::string function_name(const char* symbol) {
    std::string text = demangled(symbol);
    // The parts that compilers split a coroutine into.
    for (const std::string_view part : {".actor", ".resume", ".destroy", ".cleanup"}) {
        const std::string clone = " [clone " + std::string(part) + "]";
        if (text.ends_with(clone)) text.resize(text.size() - clone.size());
    }
    // GCC's first argument of them: f(f(int)::_Z1fi.Frame*)
    const std::size_t frame = text.find(".Frame*)");
    const std::size_t outer = text.find('(');
    if (frame != std::string::npos && outer < frame) {
        const std::size_t mangled = text.rfind("::_Z", frame);
        const std::size_t inner = text.find('(', outer + 1);
        if (inner < mangled && mangled < frame)
            text = text.substr(0, outer) + text.substr(inner, mangled - inner);
    }
    return text;
}

// A file, seen as memory; empty when it cannot be read.
class MappedFile {
  public:
    explicit MappedFile(const char* path) noexcept {
        const int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) return;
        struct stat info{};
        if (fstat(fd, &info) == 0 && info.st_size > 0) {
            void* memory = mmap(nullptr, static_cast<std::size_t>(info.st_size), PROT_READ,
                                MAP_PRIVATE, fd, 0);
            if (memory != MAP_FAILED)
                bytes_ = {static_cast<const char*>(memory), static_cast<std::size_t>(info.st_size)};
        }
        close(fd);
    }
    ~MappedFile() {
        if (!bytes_.empty()) munmap(const_cast<char*>(bytes_.data()), bytes_.size());
    }
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    // nullptr: not all of it lies in the file.
    template <class T>
    const T* at(std::uint64_t offset, std::uint64_t count = 1) const noexcept {
        if (offset > bytes_.size() || count > (bytes_.size() - offset) / sizeof(T) ||
            offset % alignof(T) != 0)
            return nullptr;
        return reinterpret_cast<const T*>(bytes_.data() + offset);
    }

  private:
    std::string_view bytes_;
};

// From one of the file's own tables; offset as the file counts addresses.
std::string name_in_file(const MappedFile& file, std::uint32_t kind, std::uintptr_t offset) {
    const auto* header = file.at<ElfW(Ehdr)>(0);
    if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return {};
    const auto* sections = file.at<ElfW(Shdr)>(header->e_shoff, header->e_shnum);
    if (!sections) return {};
    for (int i = 0; i < header->e_shnum; ++i) {
        const ElfW(Shdr)& table = sections[i];
        if (table.sh_type != kind || table.sh_link >= header->e_shnum) continue;
        const std::uint64_t count = table.sh_size / sizeof(ElfW(Sym));
        const auto* symbols = file.at<ElfW(Sym)>(table.sh_offset, count);
        const ElfW(Shdr)& strings = sections[table.sh_link];
        const char* names = file.at<char>(strings.sh_offset, strings.sh_size);
        if (!symbols || !names || strings.sh_size == 0 || names[strings.sh_size - 1] != '\0')
            continue;
        for (std::uint64_t s = 0; s < count; ++s) {
            const ElfW(Sym)& symbol = symbols[s];
            if ((symbol.st_info & 0xf) == STT_FUNC && offset >= symbol.st_value &&
                offset - symbol.st_value < symbol.st_size && symbol.st_name < strings.sh_size)
                return function_name(names + symbol.st_name);
        }
    }
    return {};
}

}  // namespace

CodePlace find_code(std::uintptr_t address) {
    const Module module = module_of(address);
    if (module.code_begin == 0) return {};
    // The program itself has no name there.
    const char* path = *module.path ? module.path : "/proc/self/exe";
    CodePlace place;
    place.offset = address - module.base;
    place.module = path;
    if (!*module.path) {
        char target[4096];
        const ssize_t length = readlink(path, target, sizeof target);
        if (length > 0) place.module.assign(target, static_cast<std::size_t>(length));
    }
    place.module.erase(0, place.module.rfind('/') + 1);
    // Not dladdr(3): it waits for the lock that a library which is being loaded holds, as long as
    // its constructors run. A stripped file has its exported names still.
    const MappedFile file(path);
    place.function = name_in_file(file, SHT_SYMTAB, place.offset);
    if (place.function.empty()) place.function = name_in_file(file, SHT_DYNSYM, place.offset);
    return place;
}

CodeBefore before(std::uintptr_t address) noexcept {
    const Module module = module_of(address);
    if (module.code_begin == 0) return CodeBefore::no_code;
    const auto* code = reinterpret_cast<const unsigned char*>(address);
    const std::uintptr_t room = address - module.code_begin;
#if defined(__x86_64__)
    if (room < 8) return CodeBefore::other;
    if (code[-2] == 0x0f && code[-1] == 0x05) return CodeBefore::system_call;
    if (code[-5] == 0xe8) return CodeBefore::call;
    // call r/m64: opcode ff /2, of 2 to 7 bytes.
    for (int length = 2; length <= 7; ++length) {
        if (code[-length] == 0xff && (code[1 - length] >> 3 & 7) == 2) return CodeBefore::call;
    }
#elif defined(__aarch64__)
    if (room < 4 || address % 4 != 0) return CodeBefore::other;
    std::uint32_t instruction = 0;
    std::memcpy(&instruction, code - 4, 4);
    if (instruction == 0xd4000001) return CodeBefore::system_call;          // svc #0
    if (instruction >> 26 == 0x25) return CodeBefore::call;                 // bl
    if ((instruction & 0xfffffc1f) == 0xd63f0000) return CodeBefore::call;  // blr
#endif
    return CodeBefore::other;
}

bool same_module(std::uintptr_t one, std::uintptr_t other) noexcept {
    const Module first = module_of(one);
    return first.code_begin != 0 && first.code_begin == module_of(other).code_begin;
}

}  // namespace pilotfish::core
