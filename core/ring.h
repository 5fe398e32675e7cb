// An intrusive doubly linked ring: the links lie in what is linked, the ends in a link of their
// own.
//
//     RingLink ends;                          // an empty ring: linked with itself
//     link_before(ends, item);                // behind all others
//     for (RingLink* at = ends.next; at != &ends; at = at->next) ...
//
// Thread-safety: none; whoever shares a ring has a lock for it. Owns nothing. Never fails.
#pragma once

namespace pilotfish::core {

struct RingLink {
    RingLink* prev = nullptr;
    RingLink* next = nullptr;  // nullptr: in no ring
};

// The ends of a ring, which are no item of it.
struct RingEnds : RingLink {
    RingEnds() noexcept { prev = next = this; }
    RingEnds(const RingEnds&) = delete;
    RingEnds& operator=(const RingEnds&) = delete;
    bool empty() const noexcept { return next == this; }
};

inline void link_before(RingLink& next, RingLink& link) noexcept {
    link.prev = next.prev;
    link.next = &next;
    next.prev->next = &link;
    next.prev = &link;
}

// Requires: it is in a ring.
inline void unlink(RingLink& link) noexcept {
    link.prev->next = link.next;
    link.next->prev = link.prev;
    link.next = nullptr;
}

}  // namespace pilotfish::core
