#include <pilotfish/runtime.h>

#include <cstdio>

using namespace pilotfish;

core::Task<int> answer() { co_return 42; }
core::Task<int> hello() {
    const int number = co_await core::spawn(answer());
    std::printf("the answer is %d; %d tasks live\n", number,
                static_cast<int>(runtime::num_tasks()));
    co_return 0;
}

int main() { return core::Runtime().run(hello()); }
