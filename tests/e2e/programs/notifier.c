// Speaks sd_notify(3) without its library: each argument is a step.
//   pause:MS       wait
//   until:PATH     wait until there is such a file
//   say:TEXT       send TEXT to NOTIFY_SOCKET; \n in it is a line end
//   alive:MS       send WATCHDOG=1 every MS milliseconds, for ever
//   barrier        send BARRIER=1 with a descriptor, wait until it is closed, print "barrier
//   passed" line:N         write a line to descriptor N and close it child:TEXT     as say:, from a
//   child that is a session of its own and whose parent has ended env            print
//   NOTIFY_SOCKET, WATCHDOG_USEC, and whether WATCHDOG_PID is ours stop:MS        from now on
//   SIGTERM asks for MS more by EXTEND_TIMEOUT_USEC, takes as long less
//                  a fifth, prints "stopped late" and exits with 0
// At the end it sleeps.
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static long stop_ms;

static void pause_ms(long ms) { poll(NULL, 0, (int)ms); }

static void send_text(const char* text, int descriptor) {
    const char* const name = getenv("NOTIFY_SOCKET");
    if (name == NULL) {
        puts("no NOTIFY_SOCKET");
        return;
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, name, sizeof address.sun_path - 1);
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct iovec piece = {.iov_base = (void*)text, .iov_len = strlen(text)};
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct msghdr message = {
        .msg_name = &address, .msg_namelen = size, .msg_iov = &piece, .msg_iovlen = 1};
    if (descriptor >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        struct cmsghdr* const part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(part), &descriptor, sizeof(int));
    }
    if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0) perror("sendmsg");
    close(fd);
}

static void say(const char* text) {
    char copy[8192];
    size_t length = 0;
    for (; *text != '\0' && length + 1 < sizeof copy; ++text) {
        const int line_end = text[0] == '\\' && text[1] == 'n';
        copy[length++] = line_end ? '\n' : *text;
        text += line_end;
    }
    copy[length] = '\0';
    send_text(copy, -1);
}

static void barrier(void) {
    int ends[2];
    if (pipe(ends) != 0) return;
    send_text("BARRIER=1", ends[1]);
    close(ends[1]);
    struct pollfd entry = {.fd = ends[0], .events = 0};
    poll(&entry, 1, 20000);
    puts((entry.revents & POLLHUP) != 0 ? "barrier passed" : "barrier stands");
    close(ends[0]);
}

static void from_a_stranger(const char* text) {
    const pid_t child = fork();
    if (child == 0) {
        setsid();
        if (fork() == 0) {
            pause_ms(100);  // its parent has ended by then
            say(text);
            pause_ms(100000);
        }
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static void take_longer(int number) {
    (void)number;
    char text[64];
    snprintf(text, sizeof text, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%ld", stop_ms * 1000);
    send_text(text, -1);
    pause_ms(stop_ms - stop_ms / 5);
    puts("stopped late");
    fflush(stdout);
    _exit(0);
}

int main(int argc, char** argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int at = 1; at < argc; ++at) {
        const char* const step = argv[at];
        const char* const colon = strchr(step, ':');
        const char* const value = colon == NULL ? "" : colon + 1;
        const long number = atol(value);
        if (strncmp(step, "pause:", 6) == 0) pause_ms(number);
        while (strncmp(step, "until:", 6) == 0 && access(value, F_OK) != 0) pause_ms(10);
        if (strncmp(step, "say:", 4) == 0) say(value);
        if (strncmp(step, "child:", 6) == 0) from_a_stranger(value);
        if (strcmp(step, "barrier") == 0) barrier();
        if (strncmp(step, "alive:", 6) == 0) {
            for (;;) {
                say("WATCHDOG=1");
                pause_ms(number);
            }
        }
        if (strncmp(step, "line:", 5) == 0) {
            dprintf((int)number, "up\n");
            close((int)number);
        }
        if (strcmp(step, "env") == 0) {
            const char* const usec = getenv("WATCHDOG_USEC");
            const char* const pid = getenv("WATCHDOG_PID");
            printf("usec %s, pid %s\n", usec == NULL ? "none" : usec,
                   pid != NULL && atol(pid) == getpid() ? "ours" : "not ours");
        }
        if (strncmp(step, "stop:", 5) == 0) {
            stop_ms = number;
            signal(SIGTERM, take_longer);
        }
    }
    for (;;) pause_ms(100000);
}
