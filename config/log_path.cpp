#include "config/log_path.h"

#include <algorithm>

namespace pilotfish::config {
namespace {

bool is_rotation_of(std::string_view path, std::string_view other) {
    if (!path.starts_with(other) || path.size() < other.size() + 2) return false;
    path.remove_prefix(other.size());
    return path[0] == '.' &&
           std::all_of(path.begin() + 1, path.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string_view objection_to_log_path(std::string_view path) {
    if (!path.starts_with('/')) return "has a path that does not begin with /";
    if (path.ends_with('/')) return "names a directory";
    for (const std::string_view special : {"/dev/", "/proc/", "/sys/"}) {
        if (!path.starts_with(special)) continue;
        return "names no regular file: use tee, prefix or json for the container's own output";
    }
    std::string_view rest = path;
    for (std::size_t open; (open = rest.find('{')) != rest.npos;) {
        rest.remove_prefix(open);
        if (!rest.starts_with(kInstanceMark)) return "has a { that is not of {instance}";
        rest.remove_prefix(kInstanceMark.size());
    }
    return "";
}

std::string log_path(const WorkerSettings& worker) {
    const std::size_t at = worker.name.find('@');
    const std::string instance = at == std::string::npos ? "1" : worker.name.substr(at + 1);
    std::string path = worker.log_file;
    for (std::size_t mark = 0; (mark = path.find(kInstanceMark, mark)) != std::string::npos;
         mark += instance.size()) {
        path.replace(mark, kInstanceMark.size(), instance);
    }
    return path;
}

bool log_paths_collide(std::string_view one, std::string_view other) {
    return one == other || is_rotation_of(one, other) || is_rotation_of(other, one);
}

}  // namespace pilotfish::config
