// A worker that says on the FIFO named by ANNOUNCE that it runs: "up PID NS", the monotonic clock
// as it stands when main starts. Then it waits to be told: SIGTERM is answered by "term PID NS",
// the clock in the handler, and its end.
//   ANNOUNCE_AND=exit  ends at once, with code 1
// Called by a file that is named deaf it ignores SIGTERM. No arguments: some supervisors give none.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int fifo = -1;

// As a signal handler may: no stdio.
static void say(const char* word) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    char line[64] = "", digits[24];
    size_t length = strlen(word);
    memcpy(line, word, length);
    const unsigned long numbers[] = {
        (unsigned long)getpid(),
        (unsigned long)now.tv_sec * 1000000000u + (unsigned long)now.tv_nsec};
    for (int i = 0; i < 2; ++i) {
        int count = 0;
        for (unsigned long rest = numbers[i]; count == 0 || rest != 0; rest /= 10)
            digits[count++] = (char)('0' + rest % 10);
        line[length++] = ' ';
        while (count > 0) line[length++] = digits[--count];
    }
    line[length++] = '\n';
    if (write(fifo, line, length) < 0) _exit(3);
}

static void on_term(int number) {
    (void)number;
    say("term");
    _exit(0);
}

int main(void) {
    const char* const path = getenv("ANNOUNCE");
    const char* const then = getenv("ANNOUNCE_AND");
    char self[512] = "";
    if (path == NULL || readlink("/proc/self/exe", self, sizeof self - 1) < 0) return 2;
    const char* const name = strrchr(self, '/');
    const int deaf = name != NULL && strcmp(name, "/deaf") == 0;
    signal(SIGTERM, deaf ? SIG_IGN : on_term);
    fifo = open(path, O_WRONLY | O_CLOEXEC);
    if (fifo < 0) return 2;
    say("up");
    if (then != NULL && strcmp(then, "exit") == 0) return 1;
    for (;;) pause();
}
