// deaf [--leave-group]: ignores every signal that can be ignored and runs until it is killed; first
// joins its parent's process group, when asked to.
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char** argv) {
    (void)argv;
    if (argc > 1 && setpgid(0, getpgid(getppid())) != 0) return 1;
    for (int number = 1; number < NSIG; ++number) signal(number, SIG_IGN);
    printf("deaf %d\n", getpid());
    fflush(stdout);
    for (;;) pause();
}
