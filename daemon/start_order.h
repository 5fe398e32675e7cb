// Who may start, who waits in vain, and who is to be stopped next: the order of AFTER and NEEDS
// over all workers, kept up with each news of one of them.
//
// What costs is proportional to what changes: instances of one declaration have one order and stand
// in one group, and a group counts what it still waits for. Plain data: not thread-safe, the
// supervisor's own; never blocks or fails. Workers are named by their place in the list it was made
// from. Requires: no cycles (config/consistency).
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "config/settings.h"

namespace pilotfish::daemon {

// A worker as the others see it.
struct Standing {
    bool waits = false;        // for its turn
    bool has_started = false;  // ever; of a oneshot: it has ended
    bool is_ready = false;     // of a oneshot: it has ended well
    bool is_lost = false;      // it has ended and will not be ready any more, unless somebody asks
    bool is_over = false;
    bool operator==(const Standing&) const = default;
};

class StartOrder {
  public:
    explicit StartOrder(const std::vector<const config::WorkerSettings*>& workers);

    void note(std::size_t worker, const Standing& now);

    // The next one that waits and whose turn it is: all it comes AFTER have started or are over,
    // and all it NEEDS are ready. Once for each time that it waits.
    std::optional<std::size_t> take_free();
    // The next one that waits in vain, and for whom. Once for each time that it waits.
    struct InVain {
        std::size_t worker;
        std::size_t need;
    };
    std::optional<InVain> take_in_vain();
    // The next one that may be stopped, as nobody who comes AFTER it or NEEDS it is up; each once.
    std::optional<std::size_t> take_stoppable();

  private:
    struct Member {
        std::size_t group = 0;
        Standing standing;
        bool is_free = false;     // in free_
        bool is_in_vain = false;  // in in_vain_
        bool stoppable = false;   // is, or was, in stoppable_
    };
    struct Edge {
        std::size_t group;
        bool is_need;
    };
    struct Group {
        std::vector<std::size_t> members;
        std::vector<Edge> followers;     // who come AFTER this one or NEED it
        std::vector<Edge> predecessors;  // the other ends
        std::size_t not_started = 0;     // members
        std::size_t not_ready = 0;
        std::size_t not_over = 0;
        std::size_t lost = 0;
        std::size_t open = 0;     // of its predecessors: those it still waits for
        std::size_t in_vain = 0;  // and those that have a lost member
        std::size_t followers_not_over = 0;
    };

    void count(Group& group, const Standing& before, const Standing& now);
    void look_at(Group& group);
    void offer_stop(Group& group);
    std::optional<std::size_t> lost_need(const Group& group) const;

    std::vector<Member> members_;
    std::vector<Group> groups_;
    std::deque<std::size_t> free_;
    std::deque<std::size_t> in_vain_;
    std::deque<std::size_t> stoppable_;
};

}  // namespace pilotfish::daemon
