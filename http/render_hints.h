// The JSON of `pilotfish env --json`: which variables a worker is handed and why.
//
// Any thread. Pure. Never blocks, never fails (bytes that are not UTF-8 become U+FFFD).
#pragma once

#include <string>
#include <vector>

namespace pilotfish::http {

struct HintView {
    std::string name;
    std::string value;
    std::string reason;
};

struct WorkerHintsView {
    std::string worker;
    std::vector<HintView> hints;
};

// [{"worker":"main","variables":[{"name":"GOMAXPROCS","value":"2","reason":"..."}]}]
std::string render_hints(const std::vector<WorkerHintsView>& workers);

}  // namespace pilotfish::http
