// orphans COUNT burst|stream: as the worker of an init, makes COUNT orphans and prints how long the
// init takes to reap them, in ns.
//   burst   all are dead before the init inherits them, in one instant: the time from then until
//           the last has been reaped.
//   stream  each is inherited as it dies, as fast as they can be made: the time from the death of
//           the last until none is left.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void stop(const char* what) {
    perror(what);
    exit(1);
}

// Shared with the process that makes the orphans: their pids, and when the last one was handed
// over.
static pid_t* pids;
static uint64_t* handed_ns;

static void make_burst(int count) {
    for (int i = 0; i < count; ++i) {
        const pid_t orphan = fork();
        if (orphan == 0) _exit(0);
        if (orphan < 0) stop("orphans: cannot fork");
        pids[i] = orphan;  // by the parent alone: the memory is shared
    }
    siginfo_t info;
    for (int i = 0; i < count; ++i) waitid(P_PID, (id_t)pids[i], &info, WEXITED | WNOWAIT);
    *handed_ns = now_ns();
    _exit(0);
}

// One orphan, made by a middle process that ends at once; its pid goes to *pid.
static int make_orphan(pid_t* pid) {
    const pid_t middle = vfork();
    if (middle == 0) {
        const pid_t orphan = fork();
        if (orphan == 0) _exit(0);
        *pid = orphan;  // by the middle alone: the memory is shared
        _exit(orphan < 0);
    }
    int status = 0;
    return middle > 0 && waitpid(middle, &status, 0) == middle && status == 0;
}

static void make_stream(int count) {
    for (int i = 0; i < count; ++i)
        if (!make_orphan(&pids[i])) stop("orphans: cannot fork");
    *handed_ns = now_ns();
    _exit(0);
}

// How many children the init has, dead or alive; this process is one. Any of its threads may hold
// some.
static int children_of_init(void) {
    static char text[64 * 1024];
    char path[300];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%d/task", getppid());
    DIR* threads = opendir(path);
    if (!threads) stop("orphans: cannot look at the init (is /proc of this PID namespace?)");
    for (struct dirent* thread; (thread = readdir(threads));) {
        if (thread->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/children", getppid(), thread->d_name);
        const int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) continue;  // the thread ended
        for (ssize_t got; (got = read(fd, text, sizeof text)) > 0;)
            for (ssize_t i = 0; i < got; ++i) count += text[i] == ' ';
        close(fd);
    }
    closedir(threads);
    return count;
}

int main(int argc, char** argv) {
    const int count = argc == 3 ? atoi(argv[1]) : 0;
    if (count < 1) return 2;
    const size_t bytes = sizeof(uint64_t) + (size_t)count * sizeof(pid_t);
    handed_ns = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (handed_ns == MAP_FAILED) stop("orphans: cannot map");
    pids = (pid_t*)(handed_ns + 1);
    const pid_t maker = fork();
    if (maker == 0) {
        if (strcmp(argv[2], "burst") == 0) make_burst(count);
        make_stream(count);
    }
    int status = 0;
    if (maker < 0 || waitpid(maker, &status, 0) != maker || status != 0)
        stop("orphans: no orphans");
    const struct timespec nap = {0, 20000};
    if (strcmp(argv[2], "burst") ==
        0)  // a look at one pid does not slow the init down; a list of 20,000 would
        for (int i = 0; i < count; ++i)
            while (kill(pids[i], 0) == 0) nanosleep(&nap, NULL);
    while (children_of_init() > 1) nanosleep(&nap, NULL);
    printf("%lu\n", now_ns() - *handed_ns);
    return 0;
}
