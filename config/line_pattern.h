// A regular expression that lines of log are compared with: ECMAScript's, without references back.
//
//     LinePattern pattern;
//     if (!LinePattern::parse("listening on .*:8080$", pattern, why)) ...
//     pattern.found_in(line)
//
// It is matched by all alternatives at once, in time that grows with line times pattern, whatever
// either says: (a+)+$ costs no more than a+$. That is why \1 is refused, and why what repeats is
// bounded.
//
// Thread-safety: found_in, any thread. Ownership: copies share one compiled pattern. Blocks: never;
// a line is looked at up to kMostLineBytes. Fails: parse(), by false with half a sentence in `why`.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace pilotfish::config {

class LinePattern {
  public:
    // Chosen: a message that says "ready" says it early; the longest costs 0.2 ms with a simple
    // pattern, the worst that is taken 30 ms.
    static constexpr std::size_t kMostLineBytes = 2048;
    static constexpr std::size_t kMostPatternBytes = 256;
    static constexpr int kMostRepeats = 100;  // all {n} of a pattern multiplied

    // Finds nothing.
    LinePattern() = default;
    static bool parse(std::string_view text, LinePattern& pattern, std::string& why);

    // Somewhere in the line, which has no line end; ^ and $ are the line's.
    bool found_in(std::string_view line) const;

  private:
    struct Compiled;
    std::shared_ptr<const Compiled> compiled_;
};

}  // namespace pilotfish::config
