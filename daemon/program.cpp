#include "daemon/program.h"

#include <array>
#include <cstdlib>
#include <memory>

#include "daemon/elf_file.h"
#include "daemon/script_line.h"
#include "daemon/spawn.h"

namespace pilotfish::daemon {
namespace {

constexpr int kMostScripts = 5;  // the kernel ends with ELOOP beyond that (fs/exec.c)
constexpr std::size_t kScriptHeadBytes = 256;
// erl names erlexec in its last line, after a licence: 2 KiB in Erlang 25.
constexpr std::size_t kErlangScriptBytes = 16u << 10;
// JDK 17: 1.3 KiB, most of it a list of modules after the version.
constexpr std::size_t kReleaseBytes = 16u << 10;
// Node.js 26: 4 KiB, the numbers in the first.
constexpr std::size_t kNodeHeaderBytes = 8u << 10;

constexpr std::string_view kNodeStart = "_ZN4node5StartEiPPc";     // node::Start(int, char**)
constexpr std::string_view kNodeApiOf2020 = "napi_object_freeze";  // Node.js 12.20, 14.14

std::string resolved(const std::string& file) {
    const std::unique_ptr<char, decltype(&std::free)> path(realpath(file.c_str(), nullptr),
                                                           &std::free);
    return path ? path.get() : "";
}

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }
std::string folder(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}

Program program_of(Language language, const std::optional<Version>& version) {
    if (!version) return {};
    return {language, *version, std::nullopt};
}

Program node_at(const std::string& path, ElfFile& file) {
    if (file.exports(kNodeStart) && file.exports(kNodeApiOf2020)) {
        const ElfFile header(folder(folder(path)) + "/include/node/node_version.h");
        const auto version = parse_node_header(header.head(kNodeHeaderBytes));
        return program_of(Language::node, version.value_or(Version()));
    }
    for (const std::string& library : file.needed_libraries())
        if (const auto version = parse_node_library(library))
            return program_of(Language::node, version);
    return {};
}

Program java_at(const std::string& path) {
    std::string home = folder(folder(path));
    for (const char* up : {"/release", "/../release"}) {  // the second: jre/ inside a JDK 8
        const std::string text = ElfFile(home + up).head(kReleaseBytes);
        if (!text.empty()) return program_of(Language::java, parse_java_release(text));
    }
    return {};
}

Program python_at(std::string_view name, ElfFile& file) {
    const auto named = parse_name(name, "python");
    if (!named) return {};
    if (named->minor > 0) return program_of(Language::python, named);
    for (const std::string& library : file.needed_libraries())
        if (const auto version = parse_python_library(library))
            return program_of(Language::python, version);
    return program_of(Language::python, named);
}

// An ELF file that is not Go's, by the evidence that its name calls for.
Program runtime_at(const std::string& path, ElfFile& file) {
    const std::string_view name = base_name(path);
    if (name == "node" || name == "nodejs") return node_at(path, file);
    if (name == "java") return java_at(path);
    if (name == "make" || name == "gmake")
        return file.exports("gmk_alloc") ? Program{Language::make, {}, std::nullopt} : Program();
    if (name.starts_with("python")) return python_at(name, file);
    if (name.starts_with("ruby")) return program_of(Language::ruby, parse_name(name, "ruby"));
    if (name.starts_with("php")) return program_of(Language::php, parse_name(name, "php"));
    return {};
}

bool is_erlang_script(const std::string& path, const ElfFile& file) {
    return base_name(path) == "erl" &&
           file.head(kErlangScriptBytes).find("/erlexec") != std::string::npos;
}

}  // namespace

Program recognise(const std::string& file, const std::vector<std::string>& environment) {
    std::string path = file;
    for (int scripts = 0; scripts <= kMostScripts && !path.empty(); ++scripts) {
        ElfFile open(path);
        const std::string head = open.head(kScriptHeadBytes);
        const auto script = parse_script_line(head);
        if (!script) {
            if (!open.is_native()) return {};
            if (const auto go = go_version_of(open))
                return {Language::go, {go->major, go->minor, 0}, go};
            return runtime_at(resolved(path), open);
        }
        if (is_erlang_script(path, open)) return {Language::erlang, {}, std::nullopt};
        const std::string interpreter(script->interpreter);
        path = script->by_env ? find_program(interpreter, environment) : interpreter;
    }
    return {};
}

std::string program_words(const Program& program) {
    static constexpr std::array kWords{"",       "Go",      "Node.js", "JVM", "GNU make",
                                       "Erlang", "CPython", "Ruby",    "PHP"};
    std::string words = kWords.at(static_cast<std::size_t>(program.language));
    const Version& version = program.version;
    if (version.major == 0) return words;
    words += " " + std::to_string(version.major);
    if (program.language == Language::java && version.major == 8)
        return words + "u" + std::to_string(version.update);
    if (version.minor > 0 || version.update > 0) words += "." + std::to_string(version.minor);
    if (version.update > 0) words += "." + std::to_string(version.update);
    return words;
}

}  // namespace pilotfish::daemon
