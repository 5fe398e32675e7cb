#include "core/unix_socket.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "core/sleep.h"
#include "tests/core/read_all.h"
#include "tests/core/runtime_fixture.h"
#include "tests/support/test_support.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class UnixSocket : public LeakFree {};

using StreamPair = std::pair<UnixStream, UnixStream>;

StreamPair some_pair() {
    Result<StreamPair> pair = UnixStream::pair();
    PF_CHECK(pair.ok(), "a pair of sockets");
    return std::move(*pair);
}

UnixAddress some_name(std::string_view what) {
    return *UnixAddress::abstract("pilotfish-test-" + std::to_string(getpid()) + "-" +
                                  std::string(what));
}

Task<int> connects(UnixAddress address) {
    Result<UnixListener> listener = UnixListener::bind(address);
    PF_CHECK(listener.ok(), listener.error().message);
    Result<UnixStream> client = co_await UnixStream::connect(address);
    PF_CHECK(client.ok(), client.error().message);
    Result<UnixStream> server = co_await listener->accept();
    (void)co_await client->write_all("question");
    EXPECT_TRUE(client->shutdown_write().ok());
    const std::string asked = co_await read_all(*server);
    EXPECT_EQ(asked, "question");
    (void)co_await server->write_all("answer");
    server->close();
    const std::string answered = co_await read_all(*client);
    EXPECT_EQ(answered, "answer");
    EXPECT_EQ(client->peer_name(), "the unix socket " + address.text());
    listener->close();
    const Result<UnixStream> refused = co_await UnixStream::connect(address);
    EXPECT_TRUE(refused.error().message.starts_with("cannot connect to " + address.text()));
    co_return 0;
}

TEST_F(UnixSocket, ConnectsByAnAbstractName) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(connects(some_name("connects"))), 0);
}

TEST_F(UnixSocket, ConnectsByAPath) {
    const tests::TempDir directory;
    const std::string path = directory.path() + "/x.sock";
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(connects(*UnixAddress::at_path(path))), 0);
    EXPECT_NE(access(path.c_str(), F_OK), 0) << "the file goes with the listener";
}

Task<int> files_of_listeners(const std::string& path) {
    const UnixAddress address = *UnixAddress::at_path(path);
    {
        // As a killed process leaves it.
        OwnedFd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        PF_CHECK(::bind(dead.get(), address.data(), address.size()) == 0, "bind");
    }
    const Result<UnixListener> kept = UnixListener::bind(address, {.replace_stale = false});
    EXPECT_EQ(kept.error().message, "cannot listen on " + path + ": address already in use");
    Result<UnixListener> listener = UnixListener::bind(address, {.mode = 0600});
    EXPECT_TRUE(listener.ok());
    struct stat info{};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    const Result<UnixListener> second = UnixListener::bind(address);
    EXPECT_EQ(second.error().system_errno, EADDRINUSE) << "somebody answers there";
    // Moved, it still owns its file; assigned over, the old one goes.
    UnixListener moved = std::move(*listener);
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    // Another's file in its place is left alone.
    ::unlink(path.c_str());
    const Result<UnixListener> other = UnixListener::bind(address);
    EXPECT_TRUE(other.ok());
    moved = UnixListener();
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    co_return 0;
}

TEST_F(UnixSocket, ListenerOwnsItsFileAndNoOther) {
    const tests::TempDir directory;
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(files_of_listeners(directory.path() + "/x.sock")), 0);
}

Task<int> names_its_peer() {
    StreamPair pair = some_pair();
    const Result<PeerCredentials> who = pair.first.peer_credentials();
    EXPECT_EQ(who->pid, getpid());
    EXPECT_EQ(who->uid, getuid());
    EXPECT_EQ(who->gid, getgid());
    EXPECT_EQ(pair.first.peer_name(), "a unix socket");
    pair.first.close();
    const Result<PeerCredentials> none = pair.first.peer_credentials();
    EXPECT_EQ(none.error().system_errno, EBADF);
    co_return 0;
}

TEST_F(UnixSocket, KnowsWhoThePeerIs) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(names_its_peer()), 0);
}

int descriptors_open() { return entries_of("/proc/self/fd"); }

Task<int> passes_descriptors() {
    StreamPair pair = some_pair();
    int ends[2];
    PF_CHECK(pipe2(ends, O_CLOEXEC) == 0, "pipe2");
    const OwnedFd read_end(ends[0]);
    OwnedFd write_end(ends[1]);
    const int passed[] = {write_end.get(), read_end.get()};
    const Result<void> sent = co_await pair.first.send_descriptors("take these", passed);
    EXPECT_TRUE(sent.ok());
    char buffer[64];
    Result<Parcel> parcel = co_await pair.second.receive_descriptors(buffer);
    EXPECT_EQ(std::string_view(buffer, parcel->size), "take these");
    EXPECT_FALSE(parcel->descriptors_lost);
    EXPECT_EQ(parcel->descriptors.size(), 2u);
    if (parcel->descriptors.size() != 2) co_return 1;
    EXPECT_EQ(::fcntl(parcel->descriptors[0].get(), F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(::write(parcel->descriptors[0].get(), "x", 1), 1);
    char byte = 0;
    EXPECT_EQ(::read(read_end.get(), &byte, 1), 1);
    EXPECT_EQ(byte, 'x');

    (void)co_await pair.first.send_descriptors("none", {});
    parcel = co_await pair.second.receive_descriptors(buffer);
    EXPECT_EQ(parcel->size, 4u);
    EXPECT_TRUE(parcel->descriptors.empty());

    // An ordinary read takes the bytes and closes what came with them.
    const int before = descriptors_open();
    (void)co_await pair.first.send_descriptors("again", passed);
    const Result<std::size_t> got = co_await pair.second.read_some(buffer);
    EXPECT_EQ(*got, 5u);
    EXPECT_EQ(descriptors_open(), before);

    pair.first.close();
    parcel = co_await pair.second.receive_descriptors(buffer);
    EXPECT_EQ(parcel->size, 0u) << "the end";
    co_return 0;
}

TEST_F(UnixSocket, PassesDescriptors) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(passes_descriptors()), 0);
}

Task<int> descriptors_cut_reads() {
    StreamPair pair = some_pair();
    const int passed[] = {0};
    (void)co_await pair.first.write_all("one");
    (void)co_await pair.first.send_descriptors("two", passed);
    (void)co_await pair.first.write_all("three");
    co_await sleep_for(1ms);
    std::string text;
    while (text.size() < 11) {
        char buffer[64];
        const Result<std::size_t> got = co_await pair.second.read_some(buffer);
        text.append(buffer, *got);
    }
    EXPECT_EQ(text, "onetwothree") << "a read stops short at descriptors, with more behind them";
    co_return 0;
}

TEST_F(UnixSocket, ReadsGoOnBehindDescriptorsWithoutANewEdge) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(descriptors_cut_reads()), 0);
}

Task<int> descriptors_run_out() {
    StreamPair pair = some_pair();
    const int passed[] = {0, 0, 0};
    (void)co_await pair.first.send_descriptors("three", passed);
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    const int lowest_free = ::dup(0);
    ::close(lowest_free);
    rlimit low = before;
    low.rlim_cur = static_cast<rlim_t>(lowest_free) + 1;
    setrlimit(RLIMIT_NOFILE, &low);
    char buffer[64];
    const Result<Parcel> parcel = co_await pair.second.receive_descriptors(buffer);
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_EQ(parcel->size, 5u);
    EXPECT_EQ(parcel->descriptors.size(), 1u);
    EXPECT_TRUE(parcel->descriptors_lost);
    co_return 0;
}

TEST_F(UnixSocket, LostDescriptorsAreSaid) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(descriptors_run_out()), 0);
}

Task<std::string> connect_result(UnixAddress address, Deadline deadline) {
    const Result<UnixStream> stream = co_await UnixStream::connect(address, deadline);
    co_return stream ? "connected" : stream.error().message;
}

// A full listener refuses with EAGAIN and no edge.
Task<int> waits_for_a_place(ManualClock& clock) {
    const UnixAddress address = some_name("full");
    Result<UnixListener> listener = UnixListener::bind(address, {.backlog = 0});
    Deadline deadline;
    const std::string first = co_await connect_result(address, deadline);
    EXPECT_EQ(first, "connected");
    deadline = clock.now() + 10ms;
    JoinHandle<std::string> second = spawn(connect_result(address, deadline));
    for (int i = 0; i < 12; ++i) {
        co_await yield();
        EXPECT_EQ(second.finished(), false);
        if (i < 10) clock.advance(1ms);
        if (i == 9) break;
    }
    const std::string late = co_await second;
    EXPECT_EQ(late, "cannot connect to " + address.text() + ": timed out");
    JoinHandle<std::string> third = spawn(connect_result(address, Deadline()));
    co_await yield();
    (void)co_await listener->accept();
    EXPECT_FALSE(third.finished());
    clock.advance(1ms);
    const std::string connected = co_await third;
    EXPECT_EQ(connected, "connected");
    co_return 0;
}

TEST_F(UnixSocket, ConnectWaitsForAPlaceInAFullListener) {
    ManualClock clock;
    Runtime runtime({.processors = 1, .clock = &clock});
    EXPECT_EQ(runtime.run(waits_for_a_place(clock)), 0);
}

Task<> floods(UnixStream& stream, std::size_t bytes) {
    const Result<void> sent = co_await stream.write_all(std::string(bytes, 'x'));
    EXPECT_TRUE(sent.ok());
    stream.close();
}

Task<int> moves_much() {
    StreamPair pair = some_pair();
    constexpr std::size_t kBytes = 4 << 20;
    JoinHandle<> writer = spawn(floods(pair.first, kBytes));
    const std::string text = co_await read_all(pair.second);
    co_await writer;
    co_return text.size() == kBytes ? 0 : 1;
}

TEST_F(UnixSocket, WriteAllWaitsForRoom) {
    for (const int processors : {1, 2}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(moves_much()), 0);
    }
}

Task<> waits_for_descriptors(UnixStream& stream, std::string& told) {
    char buffer[8];
    const Result<Parcel> parcel = co_await stream.receive_descriptors(buffer);
    told = parcel ? "got" : parcel.error().message;
}

Task<int> closes_and_adopts() {
    StreamPair pair = some_pair();
    std::string told;
    JoinHandle<> waiting = spawn(waits_for_descriptors(pair.first, told));
    co_await yield();
    pair.first.close();
    co_await waiting;
    EXPECT_TRUE(told.ends_with("it was closed on this side")) << told;
    char buffer[8];
    StreamPair other = some_pair();
    const Result<Parcel> late = co_await other.first.receive_descriptors(buffer, runtime_now());
    EXPECT_TRUE(late.error().timed_out());
    Result<UnixStream> adopted = UnixStream::adopt(::dup(other.second.descriptor()));
    (void)co_await adopted->write_all("hello");
    const Result<std::size_t> got = co_await other.first.read_some(buffer);
    EXPECT_EQ(*got, 5u);
    const Result<UnixStream> none = UnixStream::adopt(::dup(0));
    EXPECT_FALSE(none.ok());
    co_return 0;
}

TEST_F(UnixSocket, WaitForDescriptorsEndsLikeAnyOther) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(closes_and_adopts()), 0);
}

}  // namespace
}  // namespace pilotfish::core
