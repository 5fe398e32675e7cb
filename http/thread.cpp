#include "http/thread.h"

#include <pthread.h>

#include <csignal>
#include <system_error>
#include <utility>

namespace pilotfish::http {

core::Result<std::thread> start_thread(const char* name, std::function<void()> body) {
    sigset_t quiet;
    sigset_t before;
    sigfillset(&quiet);
    // All of them, those that a fault raises too: left open here, a SIGILL that somebody sends to
    // the process, to be handed on to a worker, would end it on this thread. A fault of this thread
    // ends the process either way.
    pthread_sigmask(SIG_SETMASK, &quiet, &before);
    core::Result<std::thread> made = core::Error{};
    try {
        made = std::thread(std::move(body));
        pthread_setname_np(made->native_handle(), name);
    } catch (const std::system_error& error) {
        made = core::system_error(std::string("start the thread ") + name, error.code().value());
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return made;
}

}  // namespace pilotfish::http
