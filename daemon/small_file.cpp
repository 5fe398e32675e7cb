#include "daemon/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/owned_fd.h"

namespace pilotfish::daemon {

core::Result<std::string> read_small_file(const std::string& path, std::size_t most_bytes) {
    const auto failure = [&path](int error) { return core::system_error("read " + path, error); };
    // Without O_NONBLOCK the opening of a FIFO waits for somebody to write.
    const core::OwnedFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd) return failure(errno);
    struct stat info{};
    if (fstat(fd.get(), &info) != 0) return failure(errno);
    if (!S_ISREG(info.st_mode)) return core::Error{"cannot read " + path + ": it is no file"};
    std::string text;
    for (;;) {
        constexpr std::size_t kPiece = 16 * 1024;
        const std::size_t length = text.size();
        text.resize(length + kPiece);
        const ssize_t got = read(fd.get(), text.data() + length, kPiece);
        const int error = errno;
        text.resize(length + static_cast<std::size_t>(got > 0 ? got : 0));
        if (got == 0) return text;
        if (got < 0 && error != EINTR) return failure(error);
        if (text.size() > most_bytes) {
            return core::Error{"cannot read " + path + ": it is longer than " +
                               std::to_string(most_bytes) + " bytes"};
        }
    }
}

}  // namespace pilotfish::daemon
