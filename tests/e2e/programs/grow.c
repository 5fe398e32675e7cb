// grow MIB: touches so many more MiB of memory each second, in ten steps. SIGUSR1: gives all of it
// back, says "freed", and stays as it is.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t give_back;
static void on_signal(int number) { give_back = number; }

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    const size_t step = (size_t)atol(argv[1]) * (1 << 20) / 10;
    const struct timespec tenth = {.tv_nsec = 100000000};
    struct piece {
        struct piece* next;
    }* all = NULL;
    puts("grows");
    fflush(stdout);
    while (!give_back) {
        struct piece* piece = malloc(step);
        if (piece == NULL) return 3;
        // volatile: what nobody reads need not be written.
        for (size_t at = 0; at < step; at += 512) ((volatile char*)piece)[at] = 1;
        piece->next = all;
        all = piece;
        nanosleep(&tenth, NULL);
    }
    while (all) {
        struct piece* next = all->next;
        free(all);
        all = next;
    }
    puts("freed");
    fflush(stdout);
    for (;;) pause();
}
