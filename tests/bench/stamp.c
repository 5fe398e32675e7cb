// stamp FD: writes the monotonic clock, as it stands when main starts, to a descriptor. As a worker
// it tells how long it took from the start of its init until it ran itself.
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char** argv) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return argc == 2 && write(atoi(argv[1]), &now, sizeof now) == sizeof now ? 0 : 1;
}
