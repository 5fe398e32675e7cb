#include "http/response_reader.h"

#include <gtest/gtest.h>

namespace pilotfish::http {
namespace {

using State = ResponseReader::State;

struct Read {
    State state;
    int status;
    std::string body;
};

// In steps of so many bytes: what is read must not depend on how it arrives.
Read read(std::string_view bytes, std::size_t step, bool ends = false) {
    ResponseReader reader;
    Read result{State::head, 0, {}};
    for (std::size_t at = 0; at < bytes.size(); at += step)
        result.state = reader.feed(bytes.substr(at, step), result.body);
    if (ends) result.state = reader.end();
    result.status = reader.status();
    return result;
}

class Response : public testing::TestWithParam<std::size_t> {};

TEST_P(Response, HasABodyOfTheLengthItSays) {
    const Read got = read("HTTP/1.1 202 Accepted\r\ncontent-length: 5\r\n\r\nhello", GetParam());
    EXPECT_EQ(got.state, State::done);
    EXPECT_EQ(got.status, 202);
    EXPECT_EQ(got.body, "hello");
}

TEST_P(Response, HasABodyOfChunks) {
    const Read got = read(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5;x=y\r\nhello\r\n9\r\n\r\n world!\r\n0\r\nTrailer: x\r\n\r\n",
        GetParam());
    EXPECT_EQ(got.state, State::done);
    EXPECT_EQ(got.body, "hello\r\n world!");
}

TEST_P(Response, HasABodyUpToTheEnd) {
    const std::string_view bytes = "HTTP/1.1 200 OK\r\n\r\nall of it";
    EXPECT_EQ(read(bytes, GetParam()).state, State::body);
    const Read got = read(bytes, GetParam(), true);
    EXPECT_EQ(got.state, State::done);
    EXPECT_EQ(got.body, "all of it");
}

TEST_P(Response, MayHaveNone) {
    EXPECT_EQ(read("HTTP/1.1 204 No Content\r\n\r\n", GetParam()).state, State::done);
    EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", GetParam()).state, State::done);
}

TEST_P(Response, FollowsAnInterimOne) {
    const Read got =
        read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
             GetParam());
    EXPECT_EQ(got.state, State::done);
    EXPECT_EQ(got.status, 404);
    EXPECT_EQ(got.body, "no");
}

TEST_P(Response, CutShortIsNoResponse) {
    for (const char* cut :
         {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nno",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n"})
        EXPECT_EQ(read(cut, GetParam(), true).state, State::malformed) << cut;
}

TEST_P(Response, OfSomethingElseIsRefused) {
    for (const char* bad : {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
                            "HTTP/1.1 \r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno!\r\n"})
        EXPECT_EQ(read(bad, GetParam()).state, State::malformed) << bad;
    EXPECT_EQ(read(std::string(100'000, 'x'), GetParam()).state, State::malformed);
}

INSTANTIATE_TEST_SUITE_P(InSteps, Response, testing::Values(1, 3, 7, 4096));

}  // namespace
}  // namespace pilotfish::http
