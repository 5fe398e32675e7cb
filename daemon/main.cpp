#include <cstdio>

int main() {
    std::puts("pilotfish " PILOTFISH_VERSION);
    return 0;
}
