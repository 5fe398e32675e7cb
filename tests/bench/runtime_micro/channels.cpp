// Rows of channels.
#include <cstdlib>

#include "core/channel.h"
#include "core/task.h"
#include "tests/bench/runtime_micro/bench.h"

namespace pilotfish::bench {
namespace {

using core::Channel;
using core::JoinHandle;
using core::Received;
using core::spawn;
using core::Task;

Task<> echoes(Channel<int>& in, Channel<int>& out) {
    while (Received<int> got = co_await in.receive()) out.send(*got.value);
}

Task<Values> unbounded_round_trips() {
    constexpr int kCount = 200'000;
    Channel<int> there;
    Channel<int> back;
    JoinHandle<> echo = spawn(echoes(there, back));
    const double begin = now_ns();
    for (int i = 0; i < kCount; ++i) {
        there.send(i);
        (void)co_await back.receive();
    }
    const double took = now_ns() - begin;
    there.close();
    co_await echo;
    co_return Values{Value{took / kCount}};
}

Task<Values> same_task() {
    constexpr int kCount = 500'000;
    Channel<int> channel;
    const double begin = now_ns();
    for (int i = 0; i < kCount; ++i) {
        channel.send(i);
        (void)co_await channel.receive();
    }
    co_return Values{Value{(now_ns() - begin) / kCount}};
}

const Register kRows[] = {
    Register{
        {.metrics = {{"unbounded channel, a round trip", "ns"}}, .once = unbounded_round_trips}},
    Register{{.metrics = {{"unbounded channel, send and receive", "ns"}}, .once = same_task}},
};

}  // namespace
}  // namespace pilotfish::bench
