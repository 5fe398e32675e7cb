// The dynamic linker refuses in its own words, and some of what it refuses it would rather crash
// on. So the file is looked at first: that it is there, that it may be read, that it is a shared
// object for this machine. All of its symbols are bound at once, so that what is missing is known
// here and not in the middle of a request.
#include "daemon/plugin_file.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "core/demangle.h"

namespace pilotfish::daemon {

static_assert(std::string_view(PF_ABI_RELEASE) == PILOTFISH_VERSION,
              "core/plugin_abi.h names another release");

namespace {

PluginLoad refused(const std::string& path, const std::string& why, int exit_code = 126) {
    PluginLoad load;
    load.refusal = {core::Error{"cannot load " + path + ": " + why, 0}, exit_code};
    return load;
}

}  // namespace

#ifdef PILOTFISH_STATIC

std::string why_no_plugins() {
    return "this is the static pilotfish, which has no dynamic linker inside; plugins need the "
           "plain executable";
}

PluginLoad load_plugin(const std::string& path) { return refused(path, why_no_plugins()); }

#else

std::string why_no_plugins() { return {}; }

namespace {

constexpr const char* kEntry = "pilotfish_plugin_v1";

// "": it is a shared object that this machine could run.
std::string objection_to(int fd) {
    struct stat info{};
    if (fstat(fd, &info) != 0) return std::strerror(errno);
    if (!S_ISREG(info.st_mode)) return "not a regular file";
    // What this executable itself is, the kernel has checked: the same class, order and machine.
    static const auto own = [] {
        ElfW(Ehdr) header{};
        const int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        const bool read_it = self >= 0 && pread(self, &header, sizeof header, 0) == sizeof header;
        if (self >= 0) close(self);
        if (!read_it) header.e_ident[EI_MAG0] = 0;
        return header;
    }();
    ElfW(Ehdr) header{};
    if (pread(fd, &header, sizeof header, 0) != sizeof header ||
        std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
        return "not a shared object (it has no ELF header)";
    }
    if (own.e_ident[EI_MAG0] == ELFMAG0 &&
        (header.e_machine != own.e_machine || header.e_ident[EI_CLASS] != own.e_ident[EI_CLASS])) {
        return "it was built for another kind of processor";
    }
    if (header.e_type != ET_DYN) return "not a shared object; link it with -shared";
    return {};
}

// What dlerror(3) says, without the path that the sentence has already.
std::string linker_words(const std::string& path) {
    const char* const told = dlerror();
    std::string text = told != nullptr ? told : "the dynamic linker does not say why";
    if (text.starts_with(path + ": ")) text.erase(0, path.size() + 2);
    constexpr std::string_view kUndefined = "undefined symbol: ";
    if (!text.starts_with(kUndefined)) return text;
    std::string symbol = text.substr(kUndefined.size());
    symbol.resize(std::min(symbol.find(' '), symbol.size()));
    return "undefined symbol " + core::demangled(symbol.c_str()) +
           ": neither the plugin nor this pilotfish has it; build it with the headers of this very "
           "version, and link what else it needs";
}

PluginLoad load_file(const std::string& path) {
    void* const object = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (object == nullptr) return refused(path, linker_words(path));
    void* const symbol = dlsym(object, kEntry);
    if (symbol == nullptr) {
        return refused(path, std::string("it has no function ") + kEntry +
                                 ": write PILOTFISH_PLUGIN(name, coroutine) into one of its files");
    }
    const pilotfish_plugin* const plugin =
        reinterpret_cast<decltype(&pilotfish_plugin_v1)>(symbol)();
    if (plugin == nullptr || plugin->version != 1 ||
        plugin->size_bytes < sizeof(pilotfish_plugin)) {
        return refused(
            path, std::string("what its ") + kEntry + "() returns is no descriptor of version 1");
    }
    if (plugin->abi_hash != core::plugin_abi_hash()) {
        const std::string theirs = plugin->abi_words != nullptr ? plugin->abi_words : "unknown";
        const bool same_words = theirs == core::kPluginAbiWords;
        return refused(path, "it was built for another ABI (" + theirs +
                                 (same_words ? ", other headers" : "") + ") than this pilotfish (" +
                                 core::kPluginAbiWords +
                                 "): build it with the same compiler and the headers of this very "
                                 "version");
    }
    if (plugin->name == nullptr || plugin->run == nullptr) {
        return refused(path, "its descriptor has no name or no coroutine");
    }
    PluginLoad load;
    load.plugin = {plugin->name, plugin->run};
    return load;
}

}  // namespace

PluginLoad load_plugin(const std::string& path) {
    // O_NONBLOCK: a FIFO without a writer would hold us up for ever.
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        const bool missing = errno == ENOENT || errno == ENOTDIR;
        return refused(path, missing ? "no such file" : std::strerror(errno), missing ? 127 : 126);
    }
    const std::string objection = objection_to(fd);
    close(fd);
    if (!objection.empty()) return refused(path, objection);
    return load_file(path);
}

#endif

}  // namespace pilotfish::daemon
