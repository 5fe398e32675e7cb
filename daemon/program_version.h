// Versions of language runtimes, out of the small texts that lie beside them or in their names.
// Pure.
//
// Any thread. Never blocks. Fails: nullopt for every text that does not surely say it.
#pragma once

#include <compare>
#include <optional>
#include <string_view>

namespace pilotfish::daemon {

// "17.0.15": 17, 0, 15; "1.8.0_292": 8, 0, 292. What a text does not say is 0.
struct Version {
    int major = 0;
    int minor = 0;
    int update = 0;
    auto operator<=>(const Version&) const = default;
};

// Up to three numbers with points between, at the beginning of the text.
std::optional<Version> parse_version(std::string_view text);

// The file `release` of a JDK or JRE: its JAVA_VERSION, when its virtual machine is HotSpot
// (JVM_VARIANT names the others; a file without that line is HotSpot's).
std::optional<Version> parse_java_release(std::string_view text);

// include/node/node_version.h of a Node.js.
std::optional<Version> parse_node_header(std::string_view text);

// "libnode.so.115", as Debian splits it: the number is that of the binary interface. Major is 0 for
// one that is newer than the table; nullopt for what is no libnode, or older than Node.js 12.
std::optional<Version> parse_node_library(std::string_view library);

// "libpython3.11.so.1.0": 3.11.
std::optional<Version> parse_python_library(std::string_view library);

// The number that a name ends in, after a stem: ("python3.11", "python"): 3.11; ("ruby", "ruby"):
// 0. nullopt when the name is not the stem and a version.
std::optional<Version> parse_name(std::string_view name, std::string_view stem);

}  // namespace pilotfish::daemon
