// Fuzzes the text that core/ takes from outside: socket addresses. What is accepted must come back
// as itself from its own text; what is refused must say so in a printable sentence of bounded
// length.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/check.h"
#include "core/socket_address.h"

namespace {

using namespace pilotfish;

void check_error(const core::Error& error) {
    PF_CHECK(error.message.starts_with("cannot use \""), "not a sentence");
    PF_CHECK(error.message.size() < 800, "hostile text makes a long message");
    for (const char c : error.message) PF_CHECK(c >= 0x20 && c < 0x7f, "an unprintable message");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const core::Result<core::InetAddress> address = core::InetAddress::parse(text)) {
        const core::Result<core::InetAddress> again = core::InetAddress::parse(address->text());
        // A scope may be the number of an interface that is not there, but stays that number.
        PF_CHECK(again && *again == *address, "an address changed on its way through text");
    } else {
        check_error(address.error());
    }
    if (core::Result<core::UnixAddress> address = core::UnixAddress::parse(text)) {
        core::UnixAddress copy = *address;
        PF_CHECK(copy.filled(copy.size()) && copy == *address, "the kernel would see another");
        PF_CHECK(address->is_abstract() == text.starts_with('@'), "a name became a path");
        PF_CHECK(address->name() == text.substr(address->is_abstract() ? 1 : 0), "a changed name");
        PF_CHECK(address->text().size() <= 4 * text.size(), "text grows by its escapes alone");
    } else {
        check_error(address.error());
    }
    return 0;
}
