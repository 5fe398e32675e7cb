#include "daemon/drop_in_message.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace pilotfish::daemon {

void drop_in_message(int fd, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char* text = nullptr;
    const int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) return;
    // A pipe that can be written to has room for PIPE_BUF bytes at least.
    pollfd ready{fd, POLLOUT, 0};
    if (poll(&ready, 1, 0) == 1 && write(fd, text, static_cast<std::size_t>(length)) < 0 &&
        errno == EPIPE) {
        // The SIGPIPE is ours, not one to forward.
        sigset_t pipe;
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        const timespec now{};
        sigtimedwait(&pipe, nullptr, &now);
    }
    free(text);
}

}  // namespace pilotfish::daemon
