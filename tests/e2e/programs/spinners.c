// A worker that is bound by its processors: as many threads that compute without end as GOMAXPROCS
// says, or as it may run on. Says "spinning N" once they run; a signal ends it.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

static void* spin(void* unused) {
    for (volatile unsigned long turns = 0;; ++turns) continue;
    return unused;
}

int main(void) {
    const char* told = getenv("GOMAXPROCS");
    cpu_set_t allowed;
    int count = told ? atoi(told) : 0;
    if (count <= 0) {
        if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
        count = CPU_COUNT(&allowed);
    }
    for (int i = 1; i < count; ++i) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, spin, NULL) != 0) return 1;
    }
    printf("spinning %d\n", count);
    fflush(stdout);
    spin(NULL);
}
