// Fuzzes what is read of files that others made, to tell a worker's runtime: scripts, ELF files,
// Go's build information, the texts beside a JVM or a Node.js. The first byte chooses the reader.
// None may fall, and what is answered must be within what was there.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/check.h"
#include "daemon/elf_file.h"
#include "daemon/go_version.h"
#include "daemon/program_version.h"
#include "daemon/script_line.h"

namespace {

using namespace pilotfish;

// A file of these bytes without a disk: opened anew by its descriptor, as a path would be.
class MemoryFile {
  public:
    explicit MemoryFile(std::string_view contents) : fd_(memfd_create("fuzz", MFD_CLOEXEC)) {
        PF_CHECK(fd_ >= 0, "no memory file");
        PF_CHECK(
            write(fd_, contents.data(), contents.size()) == static_cast<ssize_t>(contents.size()),
            "a memory file took less than all");
    }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    ~MemoryFile() { close(fd_); }
    std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

  private:
    int fd_;
};

void read_elf(std::string_view input) {
    const MemoryFile contents(input);
    daemon::ElfFile file(contents.path());
    PF_CHECK(file.head(16) == input.substr(0, 16), "other bytes than there are");
    file.is_native();
    file.exports("napi_object_freeze");
    for (const std::string& library : file.needed_libraries())
        PF_CHECK(library.size() <= input.size(), "a name longer than the file");
    if (const auto section = file.section(".go.buildinfo", 1000))
        PF_CHECK(section->size() <= 1000 && section->size() <= input.size(), "more than there is");
    daemon::go_version_of(file);
}

void read_texts(std::string_view input) {
    for (const auto& version :
         {daemon::parse_version(input), daemon::parse_java_release(input),
          daemon::parse_node_header(input), daemon::parse_node_library(input),
          daemon::parse_python_library(input), daemon::parse_name(input, "python")}) {
        if (!version) continue;
        PF_CHECK(version->major >= 0 && version->minor >= 0 && version->update >= 0,
                 "a version below 0");
    }
    if (const auto line = daemon::parse_script_line(input)) {
        PF_CHECK(!line->interpreter.empty() && line->interpreter.size() < 256,
                 "an interpreter that no kernel would run");
        PF_CHECK(line->interpreter.find('\n') == std::string_view::npos, "more than one line");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 3) {
        case 0: read_elf(input); break;
        case 1: daemon::parse_go_buildinfo(input); break;
        default: read_texts(input);
    }
    return 0;
}
