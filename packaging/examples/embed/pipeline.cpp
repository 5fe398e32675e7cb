// Three kinds of waiting in one program: a producer that sleeps, workers that block a thread, and a
// sink that waits for both, in a group that ends together. Prints the sum of the squares of 1 to N.
#include <pilotfish/runtime.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

using namespace pilotfish;

namespace {

core::Task<> produce(core::Channel<int>& numbers, int count) {
    for (int number = 1; number <= count; ++number) {
        numbers.post(number);
        if (number % 100 == 0) co_await core::sleep_for(std::chrono::milliseconds(1));
    }
    numbers.close();
}

core::Task<> square(core::Channel<int>& numbers, core::Channel<long>& squares) {
    for (;;) {
        auto number = co_await numbers.receive();
        if (!number) co_return;
        // Stands for a call that blocks its thread: a file, a database driver.
        const int value = *number.value;
        const long squared = co_await core::blocking([value] { return long{value} * value; });
        squares.post(squared);
    }
}

core::Task<> work(core::Channel<int>& numbers, core::Channel<long>& squares) {
    core::TaskGroup group;
    for (int i = 0; i < 4; ++i) group.spawn(square(numbers, squares), {.name = "square"});
    co_await group.wait();
    squares.close();
}

core::Task<int> run(int count) {
    core::Channel<int> numbers;
    core::Channel<long> squares;
    core::TaskGroup group;
    group.spawn(produce(numbers, count), {.name = "produce"});
    group.spawn(work(numbers, squares), {.name = "work"});
    long sum = 0;
    while (auto squared = co_await squares.receive()) sum += *squared.value;
    co_await group.wait();
    std::printf("%ld\n", sum);
    co_return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const int count = argc > 1 ? std::atoi(argv[1]) : 1000;
    return core::Runtime().run(run(count));
}
