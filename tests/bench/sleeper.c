// A worker that does nothing until it is told to end.
#include <unistd.h>

int main(void) {
    pause();
    return 0;
}
