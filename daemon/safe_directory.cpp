#include "daemon/safe_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace pilotfish::daemon {
namespace {

constexpr int kMostLinks = 40;  // path_resolution(7)
constexpr int kStep = O_PATH | O_CLOEXEC;

bool is_ours(uid_t owner) { return owner == 0 || owner == geteuid(); }

// Whether what lies in it stays what root or we put there.
bool is_kept_by_us(const struct stat& directory) {
    return is_ours(directory.st_uid) &&
           ((directory.st_mode & 022) == 0 || (directory.st_mode & S_ISVTX) != 0);
}

core::Result<core::OwnedFd> open_root() {
    core::OwnedFd root(open("/", kStep | O_DIRECTORY));
    if (!root) return core::system_error("open the directory /", errno);
    return root;
}

// Takes the next name off the path; empty: there is none.
std::string take_step(std::string& path) {
    const std::size_t from = path.find_first_not_of('/');
    if (from == path.npos) return {};
    const std::size_t end = std::min(path.find('/', from), path.size());
    std::string step = path.substr(from, end - from);
    path.erase(0, end);
    return step;
}

}  // namespace

core::Result<core::OwnedFd> open_safe_directory(const std::string& path) {
    auto at = open_root();
    if (!at) return at;
    std::string left = path;
    int links = 0;
    for (std::string step; !(step = take_step(left)).empty();) {
        const auto failed = [&](int error) {
            return core::system_error("walk to " + path + ": open " + step, error);
        };
        core::OwnedFd next(openat(at->get(), step.c_str(), kStep | O_NOFOLLOW));
        struct stat in{};
        struct stat found{};
        if (!next || fstat(next.get(), &found) != 0 || fstat(at->get(), &in) != 0)
            return failed(errno);
        if (S_ISDIR(found.st_mode)) {
            *at = std::move(next);
            continue;
        }
        if (!S_ISLNK(found.st_mode)) return failed(ENOTDIR);
        if (geteuid() == 0 && !(is_ours(found.st_uid) && is_kept_by_us(in))) {
            return core::Error{"cannot walk to " + path + ": " + step +
                                   " is a symbolic link that others than root could have made; "
                                   "name the directory itself",
                               ELOOP};
        }
        char target[PATH_MAX];
        const ssize_t length = readlinkat(next.get(), "", target, sizeof target);
        if (length < 0) return failed(errno);
        if (length == sizeof target) return failed(ENAMETOOLONG);
        if (++links > kMostLinks) return failed(ELOOP);
        left.insert(0, std::string(target, static_cast<std::size_t>(length)) + "/");
        if (target[0] != '/') continue;
        at = open_root();
        if (!at) return at;
    }
    return at;
}

}  // namespace pilotfish::daemon
