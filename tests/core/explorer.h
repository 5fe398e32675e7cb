// Runs a few threads through every interleaving of their atomic operations.
//
//     struct World {                               // made anew for each execution
//         explorer::Atomic<int> flag{0};           // tests/core/explorer_atomics.h
//         void thread(int index);                  // the body of each thread
//         std::string verdict(bool stuck);         // "" or what is wrong with how it ended
//     };
//     Explored result = explore<World>(3, Memory::store_buffers);
//     EXPECT_EQ(result.complaint, "");
//
// The idea: threads are contexts of one thread; each operation on an explorer::Atomic first asks
// who goes on. The answers of an execution are a path in a tree, which is walked depth first by
// running the program again for every leaf. Two executions that differ in the order of independent
// operations alone (other places, or loads both) are one to us: sleep sets (Godefroid 1996) cut all
// but one of them, so that the search is complete and still ends.
//
// With store buffers a store lies in its thread's buffer first, as on x86: the thread itself
// sees it, others do not, and it comes out at any moment, in order, at the latest before
// the thread's next read-modify-write or sequentially consistent fence or store. Weaker orders than
// x86's are not explored: there the release and acquire marks of the code count, which the thread
// sanitizer looks after.
//
// One thread; not re-entrant. The atomics must lie in the World itself: their addresses are
// compared between executions. A thread's locals are not destroyed when it waits for ever.
#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#if defined(__SANITIZE_THREAD__)
#define PF_TSAN_FIBERS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PF_TSAN_FIBERS 1
#endif
#if __has_feature(address_sanitizer)
#define PF_ASAN_FIBERS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define PF_ASAN_FIBERS 1
#endif
#if defined(PF_TSAN_FIBERS)
#include <sanitizer/tsan_interface.h>
#endif
#if defined(PF_ASAN_FIBERS)
#include <sanitizer/common_interface_defs.h>
#endif

namespace pilotfish::core::explorer {

enum class Memory { in_order, store_buffers };

struct Explored {
    long executions = 0;
    std::string complaint;  // of the first execution that ended wrongly, with its schedule
};

class Explorer {
  public:
    Explorer(int threads, Memory memory)
        : buffered_(memory == Memory::store_buffers), threads_(static_cast<std::size_t>(threads)) {
        for (Thread& thread : threads_) thread.stack = std::make_unique<char[]>(kStack);
    }
    Explorer(const Explorer&) = delete;
    Explorer& operator=(const Explorer&) = delete;

    static Explorer*& current() noexcept {
        static Explorer* the_current = nullptr;
        return the_current;
    }

    enum class End { all_ended, some_wait, endless, seen_before };

    End run(const std::function<void(int)>& body) {
        body_ = &body;
        if (random_) path_.clear();
        at_ = 0;
        end_ = End::all_ended;
        schedule_.clear();
        for (Thread& thread : threads_) start(thread);
        current() = this;
        running_ = kNobody;
#if defined(PF_TSAN_FIBERS)
        main_fiber_ = __tsan_get_current_fiber();
#endif
        choose();
        current() = nullptr;
        for (Thread& thread : threads_) {
            if (!thread.ended && end_ == End::all_ended) end_ = End::some_wait;
#if defined(PF_TSAN_FIBERS)
            __tsan_destroy_fiber(thread.fiber);
#endif
        }
        return end_;
    }
    // The next path of the tree; false: all are walked.
    bool next() {
        while (!path_.empty() && path_.back().chosen + 1 == path_.back().options.size())
            path_.pop_back();
        if (path_.empty()) return false;
        ++path_.back().chosen;
        return true;
    }
    // From now on each execution takes a path at random instead of the next one.
    void sample(std::uint64_t seed) { random_.emplace(seed); }
    const std::string& schedule() const noexcept { return schedule_; }

    // ---- called by the threads ----

    struct Operation {
        const void* where = nullptr;  // nullptr: nobody else can tell when it happens
        bool writes = false;
        bool after_own_stores = false;
        const std::function<bool()>* ready = nullptr;
    };
    // Returns when it is the operation's turn.
    void wait_for_turn(const Operation& operation) {
        threads_[running_].pending = operation;
        choose();
    }
    bool buffered() const noexcept { return buffered_; }
    void buffer_store(void* where, std::uint64_t value, void (*write)(void*, std::uint64_t)) {
        threads_[running_].buffer.push_back({where, value, write});
    }
    const std::uint64_t* own_store(const void* where) const {
        const std::deque<Store>& buffer = threads_[running_].buffer;
        for (auto at = buffer.rbegin(); at != buffer.rend(); ++at) {
            if (at->where == where) return &at->value;
        }
        return nullptr;
    }

  private:
    static constexpr std::size_t kStack = 64 * 1024;
    static constexpr std::size_t kNobody = ~std::size_t{0};
    static constexpr std::size_t kLongest = 1000;

    struct Store {
        void* where;
        std::uint64_t value;
        void (*write)(void*, std::uint64_t);
    };
    struct Thread {
        ucontext_t first{};
        jmp_buf later;
        bool begun = false;
        bool ended = false;
        Operation pending;
        std::deque<Store> buffer;
        std::unique_ptr<char[]> stack;
        void* fiber = nullptr;
    };
    // A thread's pending operation, or the oldest store of its buffer coming out.
    struct Transition {
        std::size_t thread;
        bool comes_out;
        const void* where;
        bool writes;
    };
    struct Node {
        std::vector<Transition> options;
        std::size_t chosen = 0;
        std::vector<Transition> asleep;
    };

    static bool independent(const Transition& a, const Transition& b) {
        if (a.thread == b.thread && a.comes_out == b.comes_out) return false;
        return a.where != b.where || (!a.writes && !b.writes);
    }
    static bool enabled(const Thread& thread) {
        if (thread.ended) return false;
        const Operation& next = thread.pending;
        return (!next.after_own_stores || thread.buffer.empty()) &&
               (!next.ready || (*next.ready)());
    }
    void find_possible() {
        possible_.clear();
        for (std::size_t i = 0; i < threads_.size(); ++i) {
            const Thread& thread = threads_[i];
            if (enabled(thread))
                possible_.push_back({i, false, thread.pending.where, thread.pending.writes});
            if (!thread.buffer.empty())
                possible_.push_back({i, true, thread.buffer.front().where, true});
        }
    }
    // What sleeps was tried from an earlier node, and nothing since has touched what it touches.
    void add_node() {
        Node node;
        if (at_ > 0) {
            const Node& before = path_[at_ - 1];
            const Transition& taken = before.options[before.chosen];
            for (const Transition& old : before.asleep)
                if (independent(old, taken)) node.asleep.push_back(old);
            for (std::size_t i = 0; i < before.chosen && !random_; ++i)
                if (independent(before.options[i], taken)) node.asleep.push_back(before.options[i]);
        }
        for (const Transition& one : possible_) {
            bool sleeps = false;
            for (const Transition& old : node.asleep)
                sleeps = sleeps || (old.thread == one.thread && old.comes_out == one.comes_out);
            if (!sleeps) node.options.push_back(one);
        }
        path_.push_back(std::move(node));
    }
    // Who goes on, or whose oldest store comes out. Returns when it is the caller's turn.
    void choose() {
        const std::size_t self = running_;
        for (;;) {
            // What nobody else can tell needs no choice.
            for (std::size_t i = 0; i < threads_.size(); ++i) {
                if (!threads_[i].pending.where && enabled(threads_[i])) return go_on(self, i);
            }
            if (at_ == path_.size()) {  // else the path is walked again
                find_possible();
                if (possible_.empty()) return go_on(self, kNobody);
                add_node();
                if (random_ && !path_[at_].options.empty())
                    path_[at_].chosen = (*random_)() % path_[at_].options.size();
            }
            const Node& node = path_[at_];
            if (node.options.empty() || at_ == kLongest) {
                end_ = node.options.empty() ? End::seen_before : End::endless;
                if (node.options.empty()) path_.pop_back();
                return go_on(self, kNobody);
            }
            const Transition& taken = node.options[node.chosen];
            ++at_;
            schedule_ += static_cast<char>('0' + taken.thread);
            if (!taken.comes_out) return go_on(self, taken.thread);
            std::deque<Store>& buffer = threads_[taken.thread].buffer;
            const Store first = buffer.front();
            buffer.pop_front();
            first.write(first.where, first.value);
            schedule_ += '!';
        }
    }

    void start(Thread& thread) {
        thread.begun = thread.ended = false;
        thread.pending = Operation{};
        thread.buffer.clear();
        getcontext(&thread.first);
        thread.first.uc_stack.ss_sp = thread.stack.get();
        thread.first.uc_stack.ss_size = kStack;
        thread.first.uc_link = nullptr;
        makecontext(&thread.first, &enter, 0);
#if defined(PF_TSAN_FIBERS)
        thread.fiber = __tsan_create_fiber(0);
#endif
    }
    static void enter() {
        Explorer& self = *current();
        self.arrived(nullptr);
        const std::size_t index = self.running_;
        (*self.body_)(static_cast<int>(index));
        self.threads_[index].ended = true;
        self.choose();  // does not come back
    }
    void go_on(std::size_t from, std::size_t to) {
        if (from == to) return;
        running_ = to;
        void* fake = nullptr;
#if defined(PF_TSAN_FIBERS)
        __tsan_switch_to_fiber(to == kNobody ? main_fiber_ : threads_[to].fiber, 0);
#endif
#if defined(PF_ASAN_FIBERS)
        const bool gone = from != kNobody && threads_[from].ended;
        __sanitizer_start_switch_fiber(gone ? nullptr : &fake,
                                       to == kNobody ? main_stack_ : threads_[to].stack.get(),
                                       to == kNobody ? main_stack_bytes_ : kStack);
#endif
        switch_stack(from, to);
        arrived(fake);
    }
#if defined(PF_TSAN_FIBERS) || defined(PF_ASAN_FIBERS)
    void switch_stack(std::size_t from, std::size_t to) {
        swapcontext(from == kNobody ? &main_context_ : &threads_[from].first,
                    to == kNobody ? &main_context_ : &threads_[to].first);
    }
#else
    // swapcontext() makes two system calls; _longjmp() none.
    void switch_stack(std::size_t from, std::size_t to) {
        if (_setjmp(from == kNobody ? main_ : threads_[from].later) != 0) return;
        if (to != kNobody && !std::exchange(threads_[to].begun, true))
            setcontext(&threads_[to].first);
        _longjmp(to == kNobody ? main_ : threads_[to].later, 1);
    }
#endif
    void arrived([[maybe_unused]] void* fake) {
#if defined(PF_ASAN_FIBERS)
        const void* stack = nullptr;
        std::size_t bytes = 0;
        __sanitizer_finish_switch_fiber(fake, &stack, &bytes);
        if (!main_stack_) {  // the first switch comes from there
            main_stack_ = stack;
            main_stack_bytes_ = bytes;
        }
#endif
    }

    const bool buffered_;
    std::vector<Thread> threads_;
    const std::function<void(int)>* body_ = nullptr;
    std::size_t running_ = kNobody;
    std::vector<Node> path_;
    std::size_t at_ = 0;
    std::vector<Transition> possible_;
    std::optional<std::mt19937_64> random_;
    End end_ = End::all_ended;
    std::string schedule_;
    jmp_buf main_;
    ucontext_t main_context_{};
    void* main_fiber_ = nullptr;
    const void* main_stack_ = nullptr;
    std::size_t main_stack_bytes_ = 0;
};

template <class World, class... Args>
class Search {
  public:
    Search(int threads, Memory memory, Args... args)
        : explorer_(threads, memory), args_(std::move(args)...) {}

    // Every interleaving.
    Explored all() {
        do {
            if (!one()) break;
        } while (explorer_.next());
        return found_;
    }
    // So many at random, where there are too many; the seed replays them.
    Explored some(int executions, std::uint64_t seed) {
        explorer_.sample(seed);
        while (found_.executions < executions && one()) {
        }
        return found_;
    }

  private:
    bool one() {
        alignas(World) static std::byte room[sizeof(World)];
        struct Destroy {
            World* world;
            ~Destroy() { world->~World(); }
        } made{std::apply([&](const Args&... args) { return new (room) World(args...); }, args_)};
        const Explorer::End end = explorer_.run([&](int index) { made.world->thread(index); });
        if (end == Explorer::End::seen_before) return true;
        ++found_.executions;
        std::string wrong = end == Explorer::End::endless
                                ? "a thread never ends"
                                : made.world->verdict(end == Explorer::End::some_wait);
        if (wrong.empty()) return true;
        found_.complaint = wrong + " after " + explorer_.schedule();
        return false;
    }
    Explorer explorer_;
    std::tuple<Args...> args_;
    Explored found_;
};

template <class World, class... Args>
Explored explore(int threads, Memory memory, Args... args) {
    return Search<World, Args...>(threads, memory, args...).all();
}
template <class World, class... Args>
Explored sample(int executions, std::uint64_t seed, int threads, Memory memory, Args... args) {
    return Search<World, Args...>(threads, memory, args...).some(executions, seed);
}

}  // namespace pilotfish::core::explorer
