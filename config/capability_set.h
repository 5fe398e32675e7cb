// Capabilities as people write them, and their names.
//
// Any thread; plain values and functions over borrowed text. Never block. Parsing fails by false
// with half a sentence in `why`, as in config/quantity.h; the value is then as it was.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace pilotfish::config {

// Bit n is capability n of capabilities(7).
using CapabilityMask = std::uint64_t;

// The names in the order of their numbers, without "cap_": linux/capability.h, as of
// CAP_CHECKPOINT_RESTORE (Linux 5.9).
std::span<const std::string_view> capability_names();

// "cap_net_bind_service,cap_chown"; a number without a name as digits; "none".
std::string capability_words(CapabilityMask mask);

// What a process keeps: "none", "cap_chown,net_admin", "all" (whatever the daemon has), or that
// less some: "all,-cap_sys_admin"; "-cap_sys_admin" alone means the same.
struct CapabilityChoice {
    bool all = false;          // begin with what the daemon has
    CapabilityMask named = 0;  // all: taken from it; else: exactly these
    // Requires: ours is what the daemon has.
    CapabilityMask of(CapabilityMask ours) const { return all ? ours & ~named : named; }
    bool operator==(const CapabilityChoice&) const = default;
};
bool parse_capabilities(std::string_view text, CapabilityChoice& value, std::string& why);
std::string format_capabilities(const CapabilityChoice& value);

}  // namespace pilotfish::config
