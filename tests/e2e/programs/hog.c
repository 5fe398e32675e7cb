// hog MIB [hold]: says "begin", touches so many MiB of memory, then says "held" and, with hold,
// waits for ever.
// hog --child MIB: does it in a child and tells how that ended, then waits for ever.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void touch(long mib) {
    for (long i = 0; i < mib; i++) {
        // volatile: what nobody reads need not be written, nor allocated.
        volatile char* piece = malloc(1 << 20);
        if (piece == NULL) exit(3);
        for (long at = 0; at < 1 << 20; at += 512) piece[at] = (char)(i | 1);
    }
}

int main(int argc, char** argv) {
    const int in_child = argc > 1 && strcmp(argv[1], "--child") == 0;
    if (argc < 2 + in_child) return 2;
    const long mib = atol(argv[1 + in_child]);
    puts("begin");
    fflush(stdout);
    if (in_child) {
        const pid_t child = fork();
        if (child == 0) {
            touch(mib);
            _exit(0);
        }
        int status = 0;
        waitpid(child, &status, 0);
        printf("child ended by signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
        fflush(stdout);
        for (;;) pause();
    }
    touch(mib);
    puts("held");
    fflush(stdout);
    while (argc > 2) pause();
    return 0;
}
