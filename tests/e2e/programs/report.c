// report [CODE]: prints what a process inherits, a line a fact, and exits with CODE (0).
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

extern char** environ;

// The descriptors below the one that lists them, each with what it is open on.
static void print_descriptors(void) {
    DIR* list = opendir("/proc/self/fd");
    if (!list) return;
    for (struct dirent* entry; (entry = readdir(list));) {
        const int fd = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || fd == dirfd(list)) continue;
        char target[4096];
        const ssize_t size = readlinkat(dirfd(list), entry->d_name, target, sizeof target - 1);
        if (size < 0) continue;
        target[size] = 0;
        printf("fd %d %s flags %o\n", fd, target, (unsigned)fcntl(fd, F_GETFL));
    }
    closedir(list);
}

static void print_signals(void) {
    FILE* status = fopen("/proc/self/status", "r");
    char line[256];
    while (status && fgets(line, sizeof line, status))
        if (strncmp(line, "Sig", 3) == 0 && strncmp(line, "SigQ", 4) != 0) printf("%s", line);
    if (status) fclose(status);
}

int main(int argc, char** argv) {
    char cwd[4096];
    const mode_t mask = umask(0);
    umask(mask);
    print_descriptors();  // first: what follows opens files
    print_signals();
    printf("cwd %s\numask %03o\nuid %d\ngid %d\n", getcwd(cwd, sizeof cwd) ? cwd : "?", mask,
           geteuid(), getegid());
    printf("group %s\n", getpgrp() == getpid() ? "own" : "inherited");
    for (char** variable = environ; *variable; ++variable) printf("env %s\n", *variable);
    return argc > 1 ? atoi(argv[1]) : 0;
}
