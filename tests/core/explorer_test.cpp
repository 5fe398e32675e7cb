// The explorer against small programs whose outcomes are known.
#include <set>
#include <string>

#include "tests/core/explorer_atomics.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core::explorer {
namespace {

class ExplorerOf : public LeakFree {};

struct Counts {
    void thread(int) {
        for (int i = 0; i < 3; ++i) number.fetch_add(1);
    }
    std::string verdict(bool stuck) { return !stuck && number.peek() == 6 ? "" : "lost"; }
    Atomic<int> number{0};
};

TEST_F(ExplorerOf, DependentOperationsTriesEveryOrderOnce) {
    const Explored result = explore<Counts>(2, Memory::in_order);
    EXPECT_EQ(result.complaint, "");
    EXPECT_EQ(result.executions, 20) << "3 of 6 places";
}

struct Apart {
    void thread(int index) {
        for (int i = 0; i < 5; ++i) numbers[index].fetch_add(1);
    }
    std::string verdict(bool) { return ""; }
    Atomic<int> numbers[3];
};

TEST_F(ExplorerOf, IndependentOperationsTriesOneOrder) {
    EXPECT_EQ(explore<Apart>(3, Memory::in_order).executions, 1);
}

struct AddsInTwoSteps {
    void thread(int) { number.store(number.load() + 1, std::memory_order_relaxed); }
    std::string verdict(bool) { return number.peek() == 2 ? "" : "an addition is lost"; }
    Atomic<int> number{0};
};

TEST_F(ExplorerOf, ALostUpdateFindsIt) {
    EXPECT_NE(explore<AddsInTwoSteps>(2, Memory::in_order).complaint, "");
}

// Dekker: each writes its own flag, then reads the other's.
template <bool fenced>
struct Dekker {
    void thread(int index) {
        flags[index].store(1, std::memory_order_release);
        if (fenced) fence();
        seen[index] = flags[1 - index].load(std::memory_order_acquire);
    }
    std::string verdict(bool) { return seen[0] || seen[1] ? "" : "neither sees the other"; }
    Atomic<int> flags[2];
    int seen[2] = {};
};

TEST_F(ExplorerOf, StoreBuffersLetsTwoThreadsMissEachOther) {
    EXPECT_EQ(explore<Dekker<false>>(2, Memory::in_order).complaint, "");
    EXPECT_NE(explore<Dekker<false>>(2, Memory::store_buffers).complaint, "");
    EXPECT_EQ(explore<Dekker<true>>(2, Memory::store_buffers).complaint, "");
}

struct Publishes {
    void thread(int index) {
        if (index == 0) {
            data.store(7, std::memory_order_relaxed);
            flag.store(1, std::memory_order_release);
            own = data.load();
        } else if (flag.load()) {
            read = data.load();
        }
    }
    std::string verdict(bool) {
        if (own != 7) return "a thread does not see its own store";
        return read == 7 || read == -1 ? "" : "stores come out in another order";
    }
    Atomic<int> data{0}, flag{0};
    int read = -1;
    int own = 0;
};

TEST_F(ExplorerOf, StoreBuffersKeepsTheirOrder) {
    EXPECT_EQ(explore<Publishes>(2, Memory::store_buffers).complaint, "");
}

struct WaitsForEver {
    void thread(int index) {
        if (index == 0) flag.wait_until([](int value) { return value == 2; });
        if (index == 1) flag.store(1);
    }
    std::string verdict(bool stuck) { return stuck ? "stuck" : ""; }
    Atomic<int> flag{0};
};

TEST_F(ExplorerOf, AWaitWithoutAnEndTellsSo) {
    EXPECT_EQ(explore<WaitsForEver>(2, Memory::in_order).complaint.substr(0, 5), "stuck");
}

struct Spins {
    void thread(int index) {
        if (index == 1) flag.store(1);
        while (flag.load() < 2) {
        }
    }
    std::string verdict(bool) { return ""; }
    Atomic<int> flag{0};
};

TEST_F(ExplorerOf, AnEndlessLoopTellsSo) {
    const std::string complaint = explore<Spins>(2, Memory::in_order).complaint;
    EXPECT_NE(complaint.find("never ends"), std::string::npos) << complaint;
}

}  // namespace
}  // namespace pilotfish::core::explorer
