#include "daemon/rightsize.h"

#include <algorithm>

#include "core/check.h"
#include "daemon/rightsize_row.h"

namespace pilotfish::daemon {
namespace {

class Decision {
  public:
    explicit Decision(const RightsizeRequest& request) : situation_(request) {}

    void consider(const RightsizeRow& row) {
        if (row.propose == nullptr || !is_offered(row)) return;
        Proposal proposal = row.propose(situation_);
        if (proposal.value.empty() && proposal.reason.empty()) return;
        std::string obstacle = held_back(row);
        if (obstacle.empty() && proposal.value.empty()) obstacle = std::move(proposal.reason);
        if (obstacle.empty()) obstacle = ruled_by_user(row);
        if (!obstacle.empty()) {
            omit(row, std::move(obstacle));
            return;
        }
        result_.hints.push_back(
            {std::string(row.variable), std::move(proposal.value), std::move(proposal.reason)});
    }
    Rightsizing take() { return std::move(result_); }

  private:
    const RightsizeRequest& request() const { return situation_.request(); }
    bool is_named(const RightsizeRow& row) const {
        return !row.program.empty() &&
               std::find(request().programs.begin(), request().programs.end(), row.program) !=
                   request().programs.end();
    }
    // A flag concerns those who may run its program: not a worker known to be something else.
    bool is_offered(const RightsizeRow& row) const {
        if (row.offer == Offer::safe || is_named(row)) return true;
        if (row.offer != Offer::all) return false;
        if (row.only == Language::unknown) return request().profile == RightsizeProfile::all;
        return row.only == request().program.language ||
               (request().profile == RightsizeProfile::all &&
                request().program.language == Language::unknown);
    }
    // Why a flag is not for this worker; "": it is, or is no flag.
    std::string held_back(const RightsizeRow& row) const {
        if (row.only == Language::unknown || is_named(row)) return {};
        const std::string named = "RIGHTSIZE=" + std::string(row.program);
        if (row.only != request().program.language)
            return "the program is not recognised as " + std::string(row.reader) +
                   "; the worker's " + named + " says that it is";
        if (request().profile != RightsizeProfile::all)
            return "a flag: handed with PILOTFISH_RIGHTSIZE=all, or the worker's " + named;
        return {};
    }
    std::string ruled_by_user(const RightsizeRow& row) const {
        if (!row.is_list && situation_.user_value(row.variable)) return "set already: it stays";
        for (const std::string_view other : row.unless)
            if (!other.empty() && situation_.user_value(other))
                return std::string(other) + " is set already and rules it";
        return {};
    }
    void omit(const RightsizeRow& row, std::string reason) {
        result_.omissions.push_back({std::string(row.variable), std::move(reason)});
    }

    Situation situation_;
    Rightsizing result_;
};

}  // namespace

Rightsizing rightsize(const RightsizeRequest& request) {
    PF_CHECK(request.limits != nullptr, "rightsize without limits");
    if (request.profile == RightsizeProfile::none) return {};
    Decision decision(request);
    for (const auto& rows : rightsize_table())
        for (const RightsizeRow& row : rows) decision.consider(row);
    return decision.take();
}

}  // namespace pilotfish::daemon
