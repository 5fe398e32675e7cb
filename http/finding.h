// What was looked at and found good, doubtful or bad, as a checklist has it: pilotfish doctor,
// GET /debug/capabilities.
//
// Plain values; the functions are pure, any thread, never fail.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pilotfish::http {

enum class Verdict : std::uint8_t { ok, warning, failed };
std::string_view to_text(Verdict verdict);

struct Finding {
    std::string topic;  // "limits", "supervision", "admin", "diagnostics"
    std::string item;   // "memory limit"
    Verdict verdict = Verdict::ok;
    std::string what;  // what was found; of a diagnostic that works, by which way
    std::string mend;  // one line; empty: nothing to mend
};

// {"ok":N,"warnings":N,"failed":N,"findings":[{"topic","item","verdict","what","mend"}]}
std::string render_findings(const std::vector<Finding>& findings);

}  // namespace pilotfish::http
