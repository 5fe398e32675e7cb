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
    // Blocking a signal that a fault raises would end the process without a word of the crash
    // handler.
    for (int fault : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS}) {
        sigdelset(&quiet, fault);
    }
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
