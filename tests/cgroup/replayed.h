// Reads the limits of a recorded container below tests/testdata/cgroup.
#pragma once

#include <string>
#include <utility>

#include "cgroup/file_source.h"
#include "cgroup/limits_reader.h"
#include "core/check.h"

namespace pilotfish::tests {

inline cgroup::FileSource replayed_source(const std::string& directory) {
    auto source = cgroup::FileSource::replay(directory);
    PF_CHECK(source.ok(), "cannot replay " + directory);
    return std::move(source).value();
}

inline std::string situation_directory(const std::string& name) {
    return std::string(PILOTFISH_SOURCE_DIR) + "/tests/testdata/cgroup/" + name;
}

inline core::Limits replayed(const std::string& name) {
    const cgroup::FileSource source = replayed_source(situation_directory(name));
    return cgroup::read_limits(source);
}

}  // namespace pilotfish::tests
