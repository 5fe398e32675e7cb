// Which deaths the container's count of OOM kills explains. The count says how many were killed,
// never who; the end of a process says who, never why. Each kill is kept until the end of a worker
// claims it; one that nobody claims in time took a process that is not a worker's own.
//
// Plain state without clock or files. One thread at a time. Never blocks, never fails.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

namespace pilotfish::daemon {

class OomLedger {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;
    // A victim with much memory takes its time to end. Chosen, not measured: a hundred times what
    // one of 1 GiB takes.
    static constexpr std::chrono::seconds kPatience{2};

    // The count as it was just read. The first says only where to count from.
    void count(std::uint64_t kills, TimePoint now);
    // From now on it is another group's.
    void start_anew(TimePoint now);

    // So many of the kills are explained otherwise: by the count of a worker's own group.
    void explain(std::uint64_t kills);
    // The end of a worker by SIGKILL: true when a kill was there for it, noticed not longer than
    // kPatience ago.
    bool claim(TimePoint now);
    // Kills that waited for more than kPatience; they are told once, and can be claimed no more.
    std::uint64_t take_unclaimed(TimePoint now);
    // All that wait: there is nobody left who could claim them.
    std::uint64_t take_all();

    // Whether every kill since then is known to have taken somebody else. Without this an end by
    // SIGKILL may be the OOM killer's although no kill is there for it.
    bool complete_since(TimePoint begin) const;
    std::uint64_t total() const { return total_; }  // counted while we looked

  private:
    struct Kills {
        std::uint64_t count;
        TimePoint noticed;
    };
    void take(std::uint64_t kills);
    std::deque<Kills> waiting_;  // oldest first
    std::optional<std::uint64_t> seen_;
    std::optional<TimePoint>
        lost_track_;  // when last we could not have noticed, or gave up waiting
    std::uint64_t total_ = 0;
};

}  // namespace pilotfish::daemon
