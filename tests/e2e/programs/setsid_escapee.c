// setsid_escapee leave|stay: starts a child in a session of its own, which on SIGTERM takes a
// moment to put things in order. "leave": the parent ends at once with code 3; "stay": it ends when
// told. Prints "escapee PID" when all is in place, "escapee told" and "escapee done" from the
// child.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char** argv) {
    int ready[2];
    sigset_t term, old;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 2 || pipe(ready) != 0) return 2;
    if (fork() == 0) {
        const struct timespec moment = {0, 300 * 1000 * 1000};
        int number;
        setsid();
        sigprocmask(SIG_BLOCK, &term, &old);
        printf("escapee %d\n", getpid());
        if (write(ready[1], "", 1) != 1) return 1;
        sigwait(&term, &number);
        puts("escapee told");
        nanosleep(&moment, NULL);  // the work of ending, not a wait for anything
        puts("escapee done");
        return 0;
    }
    char byte;
    if (read(ready[0], &byte, 1) != 1) return 1;
    if (strcmp(argv[1], "leave") == 0) return 3;
    puts("parent waits");
    for (;;) pause();
}
