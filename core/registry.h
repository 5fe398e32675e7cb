// The census of tasks: one intrusive list per processor, so that spawning touches no shared line.
//
// A walker goes in chunks: it leaves a bookmark in the list, so the lock is held for one chunk at a
// time while tasks come and go around it.
//
// Thread-safety: any thread; a spin lock per shard. Owns no task. Never fails.
#pragma once

#include <mutex>

#include "core/spin_lock.h"
#include "core/task_record.h"

namespace pilotfish::core {

class RegistryShard {
  public:
    RegistryShard() = default;
    RegistryShard(const RegistryShard&) = delete;
    RegistryShard& operator=(const RegistryShard&) = delete;

    void add(TaskRecord* task) noexcept {
        std::lock_guard guard(lock_);
        link_before(ends_, *task);
    }
    void remove(TaskRecord* task) noexcept {
        std::lock_guard guard(lock_);
        unlink(*task);
    }
    // Calls change() while no walker reads a task of this shard.
    template <class Change>
    void exclusive(Change change) noexcept {
        std::lock_guard guard(lock_);
        change();
    }
    // The oldest task, or nullptr.
    TaskRecord* front() noexcept {
        std::lock_guard guard(lock_);
        RingLink* link = ends_.next;
        while (link != &ends_ && is_cursor(*link)) link = link->next;
        return link == &ends_ ? nullptr : static_cast<TaskRecord*>(link);
    }

    // Calls visit(TaskRecord&) under the lock for every task, chunk() after every kChunk of them
    // without it; chunk() returns false to stop. Either may throw.
    template <class Visit, class Chunk>
    bool walk(Visit visit, Chunk chunk) {
        Bookmark bookmark(*this);
        bool going = true;
        for (bool more = true; more && going;) {
            {
                std::lock_guard guard(lock_);
                RingLink* link = bookmark.next;
                for (int seen = 0; link != &ends_ && seen < kChunk; link = link->next) {
                    if (is_cursor(*link)) continue;
                    visit(*static_cast<TaskRecord*>(link));
                    ++seen;
                }
                more = link != &ends_;
                unlink(bookmark);
                link_before(*link, bookmark);
            }
            going = chunk();
        }
        return going;
    }

  private:
    // 64 tasks a chunk hold the lock for about 4 us; reference measurement of the walk: 4 ns a task
    // when it lies in allocation order, up to 80 ns scattered.
    static constexpr int kChunk = 64;

    // Lies on the walker's stack, so it leaves the list however the walk ends.
    struct Bookmark : RegistryLink {
        explicit Bookmark(RegistryShard& shard) noexcept : list(shard) {
            cursor = true;
            std::lock_guard guard(list.lock_);
            link_before(*list.ends_.next, *this);
        }
        Bookmark(const Bookmark&) = delete;
        Bookmark& operator=(const Bookmark&) = delete;
        ~Bookmark() {
            std::lock_guard guard(list.lock_);
            unlink(*this);
        }
        RegistryShard& list;
    };

    static bool is_cursor(const RingLink& link) noexcept {
        return static_cast<const RegistryLink&>(link).cursor;
    }

    SpinLock lock_;
    RingEnds ends_;
};

}  // namespace pilotfish::core
