#include "config/in_quotes.h"

namespace pilotfish::config {

std::string in_quotes(std::string_view text) {
    constexpr std::size_t kMost = 120;
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string result = "\"";
    for (const char c : text.substr(0, kMost)) {
        const unsigned char byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            result.push_back('\\');
            result.push_back(c);
        } else if (byte < 0x20 || byte == 0x7f) {
            result.append("\\x").push_back(kHex[byte >> 4]);
            result.push_back(kHex[byte & 15]);
        } else {
            result.push_back(c);
        }
    }
    result.push_back('"');
    if (text.size() > kMost) {
        result.append("... (").append(std::to_string(text.size())).append(" bytes)");
    }
    return result;
}

}  // namespace pilotfish::config
