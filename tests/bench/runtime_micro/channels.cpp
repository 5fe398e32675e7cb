// Rows of channels and of waiting on one of two.
#include <cstdlib>
#include <optional>

#include "core/channel.h"
#include "core/select.h"
#include "core/task.h"
#include "tests/bench/runtime_micro/bench.h"

namespace pilotfish::bench {
namespace {

using core::Channel;
using core::JoinHandle;
using core::Received;
using core::spawn;
using core::Task;

Task<> answers(Channel<int>& in, Channel<int>& out) {
    while (Received<int> got = co_await in.receive()) (void)co_await out.send(*got);
}

Task<Values> round_trips() {
    constexpr int kCount = 200'000;
    Channel<int> there(0);
    Channel<int> back(0);
    JoinHandle<> other = spawn(answers(there, back));
    const double begin = now_ns();
    for (int i = 0; i < kCount; ++i) {
        (void)co_await there.send(i);
        (void)co_await back.receive();
    }
    const double took = now_ns() - begin;
    there.close();
    co_await other;
    co_return Values{Value{took / kCount}};
}

Task<> posts(Channel<int>& in, Channel<int>& out) {
    while (Received<int> got = co_await in.receive()) out.post(*got);
}

Task<Values> unbounded_round_trips() {
    constexpr int kCount = 200'000;
    Channel<int> there;
    Channel<int> back;
    JoinHandle<> other = spawn(posts(there, back));
    const double begin = now_ns();
    for (int i = 0; i < kCount; ++i) {
        there.post(i);
        (void)co_await back.receive();
    }
    const double took = now_ns() - begin;
    there.close();
    co_await other;
    co_return Values{Value{took / kCount}};
}

Task<Values> same_task() {
    constexpr int kCount = 500'000;
    Channel<int> channel;
    const double begin = now_ns();
    for (int i = 0; i < kCount; ++i) {
        channel.post(i);
        (void)co_await channel.receive();
    }
    co_return Values{Value{(now_ns() - begin) / kCount}};
}

Task<> sends(Channel<int>& out, int count) {
    for (int i = 0; i < count; ++i) (void)co_await out.send(i);
    out.close();
}

Task<Values> messages(std::size_t capacity) {
    constexpr int kCount = 500'000;
    Channel<int> channel(capacity);
    long sum = 0;
    const double begin = now_ns();
    JoinHandle<> sender = spawn(sends(channel, kCount));
    while (Received<int> got = co_await channel.receive()) sum += *got;
    co_await sender;
    const double took = now_ns() - begin;
    if (sum != long{kCount} / 2 * (kCount - 1)) std::abort();
    co_return Values{Value{took / kCount}};
}

Task<Values> rendezvous_messages() { return messages(0); }
Task<Values> buffered_messages() { return messages(128); }

Task<> sends_in_turn(Channel<int>& even, Channel<int>& odd, int count) {
    for (int i = 0; i < count; i += 2) {
        (void)co_await even.send(i);
        (void)co_await odd.send(i + 1);
    }
}

Task<Values> selects() {
    constexpr int kCount = 500'000;
    Channel<int> even(128);
    Channel<int> odd(128);
    long sum = 0;
    const double begin = now_ns();
    JoinHandle<> sender = spawn(sends_in_turn(even, odd, kCount));
    for (int i = 0; i < kCount; ++i) {
        std::optional<int> from_even;
        std::optional<int> from_odd;
        const core::Selected which =
            co_await core::select(on_receive(even, from_even), on_receive(odd, from_odd));
        sum += which.index == 0 ? *from_even : *from_odd;
    }
    co_await sender;
    const double took = now_ns() - begin;
    if (sum != long{kCount} / 2 * (kCount - 1)) std::abort();
    co_return Values{Value{took / kCount}};
}

const Register kRows[] = {
    Register{{.metrics = {{"rendezvous channel, a round trip", "ns"}}, .once = round_trips}},
    Register{{.metrics = {{"rendezvous channel, a message", "ns"}}, .once = rendezvous_messages}},
    Register{{.metrics = {{"buffered(128) channel, a message", "ns"}}, .once = buffered_messages}},
    Register{
        {.metrics = {{"unbounded channel, a round trip", "ns"}}, .once = unbounded_round_trips}},
    Register{{.metrics = {{"unbounded channel, send and receive", "ns"}}, .once = same_task}},
    Register{{.metrics = {{"select over two", "ns"}}, .once = selects}},
};

}  // namespace
}  // namespace pilotfish::bench
