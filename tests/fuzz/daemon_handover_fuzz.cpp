// The state that one image of the daemon hands to the next: whatever the bytes, either a sentence
// or a value that is written and read again as the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/check.h"
#include "daemon/handover_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pilotfish;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    // With a first line of its own, or the fuzzer would have to guess the length of each JSON text.
    const std::string framed =
        "pilotfish state 1 " + std::to_string(size) + "\n" + std::string(input);
    for (const std::string_view text : {input, std::string_view(framed)}) {
        const auto read = daemon::parse_handover(text);
        if (!read) {
            PF_CHECK(read.error().message.starts_with("cannot "), "not a sentence");
            continue;
        }
        const std::string written = daemon::handover_text(*read);
        const auto again = daemon::parse_handover(written);
        PF_CHECK(again && daemon::handover_text(*again) == written, "not the same when read again");
    }
    return 0;
}
