// signal_window ROUNDS LONGEST_US COMMAND [ARG]...
// For how long after its exec is SIGTERM not taken by COMMAND, but kills it or is lost? Starts it
// ROUNDS times, sends SIGTERM after a delay that walks through 0..LONGEST_US, and prints
//   p50_us max_us
// p50: the delay at which half of the runs did not take it; max: the longest delay at which any run
// did not. 0 0 when none ever did. COMMAND must run longer than that and end when it is asked to.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kBins = 100 };

static uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

// False when the signal killed it, and when it was lost: then it still runs a second later.
static int ended_unharmed(pid_t pid) {
    int status = 0;
    for (int waited_ms = 0; waited_ms < 1000; ++waited_ms) {
        if (waitpid(pid, &status, WNOHANG) == pid) return !WIFSIGNALED(status);
        usleep(1000);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return 0;
}

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    const int rounds = atoi(argv[1]);
    const uint64_t longest_ns = strtoull(argv[2], NULL, 10) * 1000U;
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int killed[kBins] = {0};
    int runs[kBins] = {0};
    uint64_t max_ns = 0;
    for (int round = 0; round < rounds; ++round) {
        const int bin = round % kBins;
        const uint64_t delay_ns = longest_ns * (uint64_t)bin / kBins;
        const pid_t pid = vfork();  // comes back when the exec is done
        if (pid < 0) return 1;
        if (pid == 0) {
            dup2(null, 1);
            dup2(null, 2);
            execvp(argv[3], argv + 3);
            _exit(127);
        }
        const uint64_t start_ns = now_ns();
        while (now_ns() - start_ns < delay_ns) {
        }
        const uint64_t sent_ns = now_ns() - start_ns;
        kill(pid, SIGTERM);
        ++runs[bin];
        if (!ended_unharmed(pid)) {
            ++killed[bin];
            if (sent_ns > max_ns) max_ns = sent_ns;
        }
    }
    int half = 0;
    while (half < kBins && killed[half] * 2 > runs[half]) ++half;
    printf("%.0f %.0f\n", (double)longest_ns / 1000 * half / kBins, (double)max_ns / 1000);
    return 0;
}
