// The JSON of `pilotfish env --json`: which variables a worker is handed and why, and which are
// not.
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

// A variable that one may expect and that is not handed.
struct OmissionView {
    std::string name;
    std::string reason;
};

struct WorkerHintsView {
    std::string worker;
    std::string program;  // "Node.js 20.20.2"; "": not recognised, which JSON shows as null
    std::vector<HintView> hints;
    std::vector<OmissionView> omissions;
};

// [{"worker":"main","program":"Go 1.26","variables":[{"name":"GOMEMLIMIT","value":"...","reason":"..."}],
//   "not_set":[{"name":"GOMAXPROCS","reason":"Go 1.26 follows the limit by itself, live"}]}]
std::string render_hints(const std::vector<WorkerHintsView>& workers);

}  // namespace pilotfish::http
