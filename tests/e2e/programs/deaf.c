// deaf: ignores every signal that can be ignored and runs until it is killed.
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
    for (int number = 1; number < NSIG; ++number) signal(number, SIG_IGN);
    printf("deaf %d\n", getpid());
    fflush(stdout);
    for (;;) pause();
}
