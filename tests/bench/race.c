// race [--pid1] ROUNDS --- NAME COMMAND [ARG]... --- NAME COMMAND [ARG]...
// Starts each command in turn, ROUNDS times round, and prints a line a command:
//   NAME wall_ns cpu_ns stamp_ns
// all medians: from just before the start until it was reaped; user and system time of it and of
// all it waited for; from just before the start until the clock value that `stamp 9` wrote (0: none
// did).
// --pid1 starts each as the first process of a new PID namespace. Standard streams are /dev/null.
//
// Turn by turn, not one after the other, so that a machine that slows down slows all of them; a
// median, since a virtual machine's mean is ruled by what its host did meanwhile.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kMaxCommands = 16, kStampFd = 9, kStackBytes = 64 * 1024 };

struct command {
    const char* name;
    char** argv;
    uint64_t *wall_ns, *cpu_ns, *stamp_ns;
};

static uint64_t in_ns(struct timespec t) {
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return in_ns(now);
}

static int execute(void* argv) {
    execvp(((char**)argv)[0], argv);
    _exit(127);
}

static int by_value(const void* a, const void* b) {
    const uint64_t x = *(const uint64_t*)a, y = *(const uint64_t*)b;
    return (x > y) - (x < y);
}

static uint64_t median(uint64_t* values, int count) {
    qsort(values, (size_t)count, sizeof *values, by_value);
    return values[count / 2];
}

static void run_once(struct command* command, int round, int flags, int stamp_pipe) {
    static char stack[kStackBytes] __attribute__((aligned(64)));
    const uint64_t start = now_ns();
    const pid_t pid = clone(execute, stack + kStackBytes, CLONE_VM | CLONE_VFORK | flags | SIGCHLD,
                            command->argv);
    int status = 0;
    struct rusage use;
    if (pid < 0 || wait4(pid, &status, 0, &use) != pid) {
        perror("race: cannot start a command");
        exit(1);
    }
    command->wall_ns[round] = now_ns() - start;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "race: %s ended with status 0x%x\n", command->name, (unsigned)status);
        exit(1);
    }
    command->cpu_ns[round] = (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000000u +
                             (uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1000u;
    struct timespec stamp;
    const int stamped = read(stamp_pipe, &stamp, sizeof stamp) == sizeof stamp;
    command->stamp_ns[round] = stamped ? in_ns(stamp) - start : 0;
}

int main(int argc, char** argv) {
    int flags = 0, next = 1, count = 0;
    if (next < argc && strcmp(argv[next], "--pid1") == 0) {
        flags = CLONE_NEWPID;
        ++next;
    }
    const int rounds = next < argc ? atoi(argv[next++]) : 0;
    struct command commands[kMaxCommands];
    while (next + 2 < argc && strcmp(argv[next], "---") == 0 && count < kMaxCommands) {
        struct command* command = &commands[count++];
        command->name = argv[next + 1];
        command->argv = &argv[next + 2];
        argv[next] = NULL;
        for (next += 2; next < argc && strcmp(argv[next], "---") != 0;) ++next;
        command->wall_ns = calloc((size_t)rounds * 3, sizeof(uint64_t));
        command->cpu_ns = command->wall_ns + rounds;
        command->stamp_ns = command->cpu_ns + rounds;
    }
    for (int i = 0; i < argc; ++i)
        if (argv[i] && strcmp(argv[i], "---") == 0) argv[i] = NULL;
    int pipes[2];
    if (rounds < 1 || count < 1 || pipe2(pipes, O_CLOEXEC | O_NONBLOCK) != 0 ||
        dup2(pipes[1], kStampFd) < 0) {
        fputs("usage: race [--pid1] ROUNDS --- NAME COMMAND [ARG]... [--- NAME COMMAND...]\n",
              stderr);
        return 2;
    }
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    const int err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    dup2(null, STDERR_FILENO);
    FILE* report = fdopen(out, "w");
    stderr = fdopen(err, "w");
    for (int round = -5; round < rounds; ++round)  // the first five only warm the caches
        for (int i = 0; i < count; ++i)
            run_once(&commands[i], round < 0 ? 0 : round, flags, pipes[0]);
    for (int i = 0; i < count; ++i)
        fprintf(report, "%s %lu %lu %lu\n", commands[i].name, median(commands[i].wall_ns, rounds),
                median(commands[i].cpu_ns, rounds), median(commands[i].stamp_ns, rounds));
    return fclose(report) == 0 ? 0 : 1;
}
