// fork_orphans COUNT: leaves COUNT dead grandchildren to whoever adopts them, prints "left COUNT",
// and waits to be told to end.
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char** argv) {
    const int count = argc > 1 ? atoi(argv[1]) : 1;
    for (int i = 0; i < count; ++i) {
        const pid_t middle = fork();
        if (middle == 0) _exit(fork() < 0);
        int status = 0;
        if (middle < 0 || waitpid(middle, &status, 0) != middle || status != 0) return 1;
    }
    printf("left %d\n", count);
    fflush(stdout);
    for (;;) pause();
}
