#include "daemon/standard_descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

namespace pilotfish::daemon {

void occupy_standard_descriptors() noexcept {
    for (int fd = 0; fd <= 2; ++fd) {
        if (fcntl(fd, F_GETFD) >= 0) continue;
        // The lowest free number is this one, as those below are open.
        open("/dev/null", O_RDWR | O_CLOEXEC);
    }
}

void close_inherited_descriptors() noexcept {
    DIR* folder = opendir("/proc/self/fd");
    if (folder == nullptr) return;
    std::vector<int> inherited;
    while (const dirent* entry = readdir(folder)) {
        const int fd = std::atoi(entry->d_name);
        if (fd <= 2 || fd == dirfd(folder)) continue;
        const int flags = fcntl(fd, F_GETFD);
        if (flags >= 0 && (flags & FD_CLOEXEC) == 0) inherited.push_back(fd);
    }
    closedir(folder);
    for (const int fd : inherited) close(fd);
}

}  // namespace pilotfish::daemon
