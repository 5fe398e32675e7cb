// The client of the echo rows: a closed loop of 64-byte requests over many connections, one thread.
//     echo_load PORT SERVER_PID CONNECTIONS SECONDS
// Prints "REQUESTS SERVER_CPU_NS LOAD_CPU_NS" of the time after a warm-up of a quarter second. The
// server's CPU time is the sum over its threads of what the scheduler accounts, to the nanosecond.
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, REQUEST = 64 };

static void fail(const char* what) {
    perror(what);
    exit(1);
}

static double now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

// Since the start of each thread that lives: servers here keep theirs.
static double server_cpu(const char* pid) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/task", pid);
    DIR* folder = opendir(path);
    if (!folder) fail(path);
    double sum = 0;
    for (struct dirent* entry; (entry = readdir(folder));) {
        unsigned long long ran = 0;
        snprintf(path, sizeof path, "/proc/%s/task/%s/schedstat", pid, entry->d_name);
        FILE* file = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (!file) continue;
        if (fscanf(file, "%llu", &ran) == 1) sum += (double)ran;
        fclose(file);
    }
    closedir(folder);
    return sum;
}

static void request(int fd) {
    static const char text[REQUEST];
    if (write(fd, text, REQUEST) != REQUEST) fail("write");
}

static void connect_one(int poller, in_port_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    if (connect(fd, (struct sockaddr*)&address, sizeof address)) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wanted)) fail("epoll_ctl");
    request(fd);
}

int main(int argc, char** argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: echo_load PORT SERVER_PID CONNECTIONS SECONDS\n");
        return 2;
    }
    const int poller = epoll_create1(0);
    for (int i = atoi(argv[3]); i > 0; --i) connect_one(poller, (in_port_t)atoi(argv[1]));
    const double begin = now(CLOCK_MONOTONIC) + 0.25e9, end = begin + atof(argv[4]) * 1e9;
    double requests = 0, server_before = 0, load_before = 0;
    for (int measuring = 0;;) {
        struct epoll_event events[EVENTS];
        const int count = epoll_wait(poller, events, EVENTS, 10000);
        if (count < 0) fail("epoll_wait");
        if (count == 0) {
            fprintf(stderr, "the server has answered nobody for 10 s\n");
            return 1;
        }
        const double at = now(CLOCK_MONOTONIC);
        if (!measuring && at >= begin) {
            measuring = 1;
            requests = 0;
            server_before = server_cpu(argv[2]);
            load_before = now(CLOCK_PROCESS_CPUTIME_ID);
        }
        if (at >= end) break;
        for (int i = 0; i < count; ++i) {
            char room[REQUEST];
            // An answer comes in one piece: it is one write of the server over loopback.
            if (read(events[i].data.fd, room, REQUEST) != REQUEST) fail("read");
            request(events[i].data.fd);
            ++requests;
        }
    }
    printf("%.0f %.0f %.0f\n", requests, server_cpu(argv[2]) - server_before,
           now(CLOCK_PROCESS_CPUTIME_ID) - load_before);
}
