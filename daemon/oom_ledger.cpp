#include "daemon/oom_ledger.h"

#include <algorithm>

namespace pilotfish::daemon {

void OomLedger::count(std::uint64_t kills, TimePoint now) {
    if (seen_ && kills > *seen_) {
        waiting_.push_back({kills - *seen_, now});
        total_ += kills - *seen_;
    }
    seen_ = kills;  // a lower count is that of another group: begin again
}

void OomLedger::start_anew(TimePoint now) {
    if (seen_) lost_track_ = now;
    seen_.reset();
}

void OomLedger::take(std::uint64_t kills) {
    while (kills > 0 && !waiting_.empty()) {
        Kills& oldest = waiting_.front();
        const std::uint64_t taken = std::min(kills, oldest.count);
        kills -= taken;
        oldest.count -= taken;
        if (oldest.count == 0) waiting_.pop_front();
    }
}

void OomLedger::explain(std::uint64_t kills) { take(kills); }

bool OomLedger::claim(TimePoint now) {
    const auto fresh = std::find_if(waiting_.begin(), waiting_.end(), [now](const Kills& kills) {
        return now - kills.noticed <= kPatience;
    });
    if (fresh == waiting_.end()) return false;
    if (--fresh->count == 0) waiting_.erase(fresh);
    return true;
}

std::uint64_t OomLedger::take_unclaimed(TimePoint now) {
    std::uint64_t unclaimed = 0;
    while (!waiting_.empty() && now - waiting_.front().noticed > kPatience) {
        unclaimed += waiting_.front().count;
        lost_track_ = now;
        waiting_.pop_front();
    }
    return unclaimed;
}

std::uint64_t OomLedger::take_all() {
    std::uint64_t all = 0;
    for (const Kills& kills : waiting_) all += kills.count;
    waiting_.clear();
    return all;
}

bool OomLedger::complete_since(TimePoint begin) const {
    return seen_ && (!lost_track_ || *lost_track_ < begin);
}

}  // namespace pilotfish::daemon
