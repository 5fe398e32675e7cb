// term_latency ROUNDS --- NAME INIT [ARG]... --- ...
// How long a SIGTERM sent to an init takes to the first instruction of its worker's handler. Each
// round starts each init anew, with this program as its worker ("--worker" is added to the
// command), waits until the whole tree sleeps, sends the signal. Prints a line an init: NAME p50_ns
// p99_ns
//
// A new process each time, since a container gets one SIGTERM in its life: the path is as cold as
// it will be then.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kMaxInits = 16, kSharedFd = 9 };

struct shared {
    _Atomic pid_t worker;      // set when its handler is in place
    _Atomic uint64_t seen_ns;  // set by the handler
};
static struct shared* shared;

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void on_term(int number) {
    (void)number;
    atomic_store(&shared->seen_ns, now_ns());
}

static void map_shared(void) {
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, kSharedFd, 0);
    if (shared == MAP_FAILED) {
        perror("term_latency: cannot map");
        exit(1);
    }
}

static int be_worker(void) {
    map_shared();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t term, before;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &before);
    signal(SIGTERM, on_term);
    atomic_store(&shared->worker, getpid());
    sigdelset(&before, SIGTERM);
    while (atomic_load(&shared->seen_ns) == 0) sigsuspend(&before);
    return 0;
}

// True when every thread of the process sleeps.
static int asleep(pid_t pid) {
    char path[64], stat[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd < 0 ? -1 : read(fd, stat, sizeof stat - 1);
    if (fd >= 0) close(fd);
    if (got <= 0) return 0;
    stat[got] = 0;
    const char* state = strrchr(stat, ')');
    return state && state[2] == 'S';
}

static uint64_t sample(char** argv) {
    const struct timespec nap = {0, 200000};
    atomic_store(&shared->worker, 0);
    atomic_store(&shared->seen_ns, 0);
    const pid_t init = vfork();
    if (init == 0) {
        execvp(argv[0], argv);
        _exit(127);
    }
    while (atomic_load(&shared->worker) == 0) {
        if (init < 0 || waitpid(init, NULL, WNOHANG) != 0) {
            fprintf(stderr, "term_latency: %s ended before its worker ran\n", argv[0]);
            exit(1);
        }
        nanosleep(&nap, NULL);
    }
    for (int calm = 0;
         calm < 10;) {  // ten looks 0.2 ms apart: start-up work beside the worker is over
        calm = asleep(init) && asleep(atomic_load(&shared->worker)) ? calm + 1 : 0;
        nanosleep(&nap, NULL);
    }
    const uint64_t sent = now_ns();
    kill(init, SIGTERM);
    int status = 0;
    waitpid(init, &status, 0);
    const uint64_t seen = atomic_load(&shared->seen_ns);
    if (seen == 0) {
        fprintf(stderr, "term_latency: %s ended (status 0x%x) and its worker got nothing\n",
                argv[0], (unsigned)status);
        exit(1);
    }
    return seen - sent;
}

static int by_value(const void* a, const void* b) {
    const uint64_t x = *(const uint64_t*)a, y = *(const uint64_t*)b;
    return (x > y) - (x < y);
}

int main(int argc, char** argv) {
    if (argc == 2 && strcmp(argv[1], "--worker") == 0) return be_worker();
    const int rounds = argc > 1 ? atoi(argv[1]) : 0;
    char *self = realpath("/proc/self/exe", NULL), *command[kMaxInits][32];
    const char* names[kMaxInits];
    uint64_t* times[kMaxInits];
    int count = 0;
    for (int next = 2; next + 1 < argc && strcmp(argv[next], "---") == 0 && count < kMaxInits;
         ++count) {
        int words = 0;
        names[count] = argv[next + 1];
        times[count] = calloc((size_t)rounds, sizeof(uint64_t));
        for (next += 2; next < argc && strcmp(argv[next], "---") != 0 && words < 28; ++next)
            command[count][words++] = argv[next];
        command[count][words++] = self;
        command[count][words++] = "--worker";
        command[count][words] = NULL;
    }
    const int memory = memfd_create("term_latency", 0);
    if (rounds < 1 || count < 1 || ftruncate(memory, sizeof *shared) != 0 ||
        dup2(memory, kSharedFd) < 0)
        return 2;
    map_shared();
    const int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC),
              out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
    dup2(quiet, STDOUT_FILENO);
    const int err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    dup2(quiet, STDERR_FILENO);
    stderr = fdopen(err, "w");
    for (int round = 0; round < rounds; ++round)
        for (int i = 0; i < count; ++i) times[i][round] = sample(command[i]);
    FILE* report = fdopen(out, "w");
    for (int i = 0; i < count; ++i) {
        qsort(times[i], (size_t)rounds, sizeof(uint64_t), by_value);
        fprintf(report, "%s %lu %lu\n", names[i], times[i][rounds / 2],
                times[i][rounds * 99 / 100]);
    }
    return fclose(report) == 0 ? 0 : 1;
}
