// signal_recorder COUNT: prints "ready", then a line for each of the next COUNT signals:
//   signal NUMBER value SI_VALUE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char** argv) {
    const int count = argc > 1 ? atoi(argv[1]) : 1;
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("ready");
    for (int i = 0; i < count;) {
        siginfo_t info;
        const int number = sigwaitinfo(&all, &info);
        if (number < 0 || number == SIGCHLD) continue;
        printf("signal %d value %d\n", number,
               info.si_code == SI_QUEUE ? info.si_value.sival_int : -1);
        ++i;
    }
    return 0;
}
