#include "daemon/program_path.h"

#include <sys/stat.h>
#include <unistd.h>

namespace pilotfish::daemon {

std::string_view variable_in(const std::vector<std::string>& environment, std::string_view name) {
    for (const std::string& entry : environment) {
        if (entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name)) {
            return std::string_view(entry).substr(name.size() + 1);
        }
    }
    return {};
}

std::vector<std::string> program_candidates(const std::string& name,
                                            const std::vector<std::string>& environment) {
    if (name.find('/') != std::string::npos) return {name};
    std::string_view path = variable_in(environment, "PATH");
    if (path.empty()) path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    std::vector<std::string> found;
    while (true) {
        const std::size_t colon = path.find(':');
        const std::string_view folder = path.substr(0, colon);
        found.push_back((folder.empty() ? std::string(".") : std::string(folder)) + "/" + name);
        if (colon == std::string_view::npos) return found;
        path.remove_prefix(colon + 1);
    }
}

std::string find_program(const std::string& name, const std::vector<std::string>& environment) {
    for (const std::string& path : program_candidates(name, environment)) {
        struct stat info{};
        if (stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
            access(path.c_str(), X_OK) == 0)
            return path;
    }
    return {};
}

}  // namespace pilotfish::daemon
