// ticker [--with-parent] [NAME]: writes "NAME 1", "NAME 2", ... a line a millisecond, each by one
// write(2), until it is told to end. --with-parent: asks the kernel to be killed when its parent
// ends.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char** argv) {
    int next = 1;
    if (argc > next && strcmp(argv[next], "--with-parent") == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return 1;
        ++next;
    }
    const char* const name = argc > next ? argv[next] : "tick";
    for (unsigned long number = 1;; ++number) {
        char line[128];
        const int length = snprintf(line, sizeof line, "%s %lu\n", name, number);
        if (write(STDOUT_FILENO, line, (size_t)length) != length) return 1;
        usleep(1000);
    }
}
