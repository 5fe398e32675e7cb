// Fuzzes what a client command reads: a response in steps of any size must read as it does in one
// piece, and no JSON may be more than refused.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/check.h"
#include "http/answers.h"
#include "http/response_reader.h"

namespace {

using namespace pilotfish;
using State = http::ResponseReader::State;

struct Read {
    State state = State::head;
    int status = 0;
    std::string body;
};

Read read(std::string_view bytes, std::size_t step) {
    http::ResponseReader reader;
    Read result;
    while (!bytes.empty() && reader.state() != State::malformed) {
        reader.feed(bytes.substr(0, step), result.body);
        bytes.remove_prefix(std::min(step, bytes.size()));
    }
    result.state = reader.end();
    result.status = reader.status();
    return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
    const Read whole = read(in, in.size() + 1);
    const Read pieces = read(in, data[0] % 32U + 1U);
    PF_CHECK(whole.state == pieces.state, "the verdict depends on how the bytes arrive");
    PF_CHECK(
        whole.state != State::done || (whole.body == pieces.body && whole.status == pieces.status),
        "the response depends on how the bytes arrive");
    PF_CHECK(whole.body.size() <= in.size(), "the body has more than came");
    const std::string_view json = whole.state == State::done ? whole.body : in;
    http::parse_workers(json);
    http::only_workers(json, [](std::string_view, const void*) { return true; }, nullptr);
    http::parse_problem(json);
    http::parse_event(json);
    http::parse_missed(json);
    http::parse_log_record(json);
    http::text_of(json);
    return 0;
}
