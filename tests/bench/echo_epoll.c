// The floor of the echo rows: TCP echo by bare level-triggered epoll(7), one thread, no runtime.
// Prints its port and serves until killed.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, ROOM = 4096 };

static void check(int answer, const char* what) {
    if (answer >= 0) return;
    perror(what);
    exit(1);
}

int main(void) {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    check(bind(listener, (struct sockaddr*)&address, length), "bind");
    check(listen(listener, 1024), "listen");
    check(getsockname(listener, (struct sockaddr*)&address, &length), "getsockname");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    const int poller = epoll_create1(0);
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = listener};
    check(epoll_ctl(poller, EPOLL_CTL_ADD, listener, &wanted), "epoll_ctl");
    for (;;) {
        struct epoll_event events[EVENTS];
        const int count = epoll_wait(poller, events, EVENTS, -1);
        check(count, "epoll_wait");
        for (int i = 0; i < count; ++i) {
            const int fd = events[i].data.fd;
            if (fd == listener) {
                wanted.data.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                if (wanted.data.fd >= 0)
                    check(epoll_ctl(poller, EPOLL_CTL_ADD, wanted.data.fd, &wanted), "epoll_ctl");
                continue;
            }
            char room[ROOM];
            const ssize_t bytes = read(fd, room, sizeof room);
            if (bytes <= 0 || write(fd, room, (size_t)bytes) != bytes) close(fd);
        }
    }
}
