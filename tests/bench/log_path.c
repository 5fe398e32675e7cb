// The two ends of a log path: who writes lines, and who reads what comes out.
//   log_path write LINE_BYTES WRITE_BYTES TOTAL_BYTES REPORT    lines to standard output
//   log_path drain BYTES                                        0: until the end
// The writer's report is its start and its own CPU time, the reader's what it read and when it was
// done, all in nanoseconds of the monotonic clock.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static int write_lines(size_t line, size_t batch, size_t total, const char* report) {
    char* bytes = malloc(batch + line);
    memset(bytes, 'x', batch + line);
    for (size_t end = line - 1; end < batch + line; end += line) bytes[end] = '\n';
    batch -= batch % line;
    const long long start = now_ns();
    for (size_t done = 0; done < total; done += batch) {
        for (size_t at = 0; at < batch;) {
            const ssize_t count = write(1, bytes + at, batch - at);
            if (count <= 0) return 1;
            at += (size_t)count;
        }
    }
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    const long long cpu_us = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000ll +
                             used.ru_utime.tv_usec + used.ru_stime.tv_usec;
    FILE* file = fopen(report, "w");
    if (!file) return 1;
    fprintf(file, "%lld %lld\n", start, cpu_us * 1000);
    return fclose(file) != 0;
}

static int drain(unsigned long long most) {
    static char bytes[1 << 16];
    unsigned long long got = 0;
    ssize_t count = 0;
    while ((most == 0 || got < most) && (count = read(0, bytes, sizeof bytes)) > 0)
        got += (unsigned long long)count;
    printf("%llu %lld\n", got, now_ns());
    return 0;
}

int main(int argc, char** argv) {
    if (argc == 6 && strcmp(argv[1], "write") == 0)
        return write_lines(strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10),
                           strtoul(argv[4], NULL, 10), argv[5]);
    if (argc == 3 && strcmp(argv[1], "drain") == 0) return drain(strtoull(argv[2], NULL, 10));
    fprintf(stderr, "usage: log_path write LINE WRITE TOTAL REPORT | drain BYTES\n");
    return 2;
}
