// A file system that fails when told.
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "daemon/log_rotation.h"

namespace pilotfish::tests {

class FaultyFiles final : public daemon::FileCalls {
  public:
    std::atomic<int> fail_writes{0};  // an errno; 0: they succeed
    std::atomic<int> fail_renames{0};
    std::atomic<int> fail_opens{0};
    std::atomic<std::size_t> most_bytes{0};  // of one write; 0: any
    std::atomic<int> refused{0};

    int open(int directory, const char* name, int flags, mode_t mode) override {
        return fail(fail_opens) ? -1 : FileCalls::open(directory, name, flags, mode);
    }
    ssize_t write(int fd, const char* bytes, std::size_t count) override {
        if (fail(fail_writes)) return -1;
        const std::size_t most = most_bytes;
        return FileCalls::write(fd, bytes, most == 0 ? count : std::min(count, most));
    }
    int rename(int directory, const char* from, const char* to) override {
        return fail(fail_renames) ? -1 : FileCalls::rename(directory, from, to);
    }

  private:
    bool fail(const std::atomic<int>& with) {
        const int error = with;
        if (error == 0) return false;
        ++refused;
        errno = error;
        return true;
    }
};

}  // namespace pilotfish::tests
