// fork_storm: deaf to SIGTERM; from the first one on its 8 processes are replaced by children of
// their own again and again, in new sessions too: a tree that outruns whoever kills it one by one.
// Bounded, since zombies take pids that the whole machine shares: 4,000 forks in all over some
// seconds, and the end by itself after a minute.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { kRunners = 8, kForksEach = 500, kLifeSeconds = 60 };

static volatile sig_atomic_t told;

static void on_term(int number) {
    (void)number;
    told = 1;
}

static void wait_to_be_killed(void) {
    alarm(kLifeSeconds);
    for (;;) pause();
}

static void run_away(void) {
    const struct timespec nap = {0, 2000000};
    for (int turn = 0; turn < kForksEach; ++turn) {
        if (fork() > 0) _exit(0);  // the child goes on in our place
        if (turn % 4 == 0) setsid();
        nanosleep(&nap, NULL);
    }
    wait_to_be_killed();
}

int main(void) {
    struct sigaction action = {.sa_handler = on_term};
    sigaction(SIGTERM, &action, NULL);
    sigset_t term, before;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &before);
    puts("ready");
    fflush(stdout);
    while (!told) sigsuspend(&before);
    signal(SIGTERM, SIG_IGN);
    sigprocmask(SIG_SETMASK, &before, NULL);
    for (int i = 0; i < kRunners; ++i)
        if (fork() == 0) run_away();
    wait_to_be_killed();
}
