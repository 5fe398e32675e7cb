// What a stream gives until its end; behind "! ", the error that came instead.
#pragma once

#include <string>

#include "core/byte_stream.h"

namespace pilotfish::core {

inline Task<std::string> read_all(ByteStream& stream) {
    std::string text;
    char buffer[3000];
    for (;;) {
        const Result<std::size_t> got = co_await stream.read_some(buffer);
        if (!got) co_return text + "! " + got.error().message;
        if (*got == 0) co_return text;
        text.append(buffer, *got);
    }
}

}  // namespace pilotfish::core
