#include "daemon/worker_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "tests/daemon/pipe.h"

namespace pilotfish::daemon {
namespace {

constexpr std::size_t kSize = 32u << 20;

// Pages of its own, each one touched.
void* touched(std::size_t bytes) {
    void* const memory =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) _exit(9);
    for (std::size_t at = 0; at < bytes; at += 4096) static_cast<volatile char*>(memory)[at] = 1;
    return memory;
}

// A child that does something, says so, and stays until it is killed.
class Child {
  public:
    template <class Do>
    explicit Child(Do&& work) {
        pid_ = fork();
        if (pid_ == 0) {
            setpgid(0, 0);
            work();
            say();
            for (;;) pause();
        }
        setpgid(pid_, pid_);
        text_ = said_.read_until("\n");
    }
    ~Child() {
        kill(-pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    pid_t pid() const { return pid_; }
    // For a grandchild: it stays beside its parent, and the parent's word comes after its own.
    template <class Do>
    static pid_t and_another(Do&& work) {
        int done[2];
        if (pipe(done) != 0) _exit(9);
        const pid_t pid = fork();
        if (pid == 0) {
            work();
            close(done[1]);
            for (;;) pause();
        }
        close(done[1]);
        char byte = 0;
        while (read(done[0], &byte, 1) > 0) {
        }
        return pid;
    }

  private:
    void say() const {
        if (write(said_.writer(), "\n", 1) != 1) _exit(9);
    }
    tests::Pipe said_;
    pid_t pid_;
    std::string text_;
};

TreeMemory memory_of(pid_t pid) {
    const pid_t workers[] = {pid};
    return memory_of_trees(workers).front();
}

TEST(WorkerMemory, CountsWhatAProcessTouched) {
    const Child idle([] {});
    const Child busy([] { touched(kSize); });
    const pid_t workers[] = {idle.pid(), busy.pid()};
    const auto trees = memory_of_trees(workers);
    ASSERT_EQ(trees.size(), 2U);
    EXPECT_GE(trees[1].resident_bytes, kSize);
    EXPECT_LT(trees[0].resident_bytes, trees[1].resident_bytes);
    EXPECT_EQ(trees[1].processes, std::vector<pid_t>{busy.pid()});
}

TEST(WorkerMemory, CountsTheWholeTree) {
    const Child parent([] {
        touched(kSize);
        Child::and_another([] { touched(kSize); });
    });
    const TreeMemory tree = memory_of(parent.pid());
    EXPECT_EQ(tree.processes.size(), 2U);
    EXPECT_GE(tree.resident_bytes, 2 * kSize);
}

TEST(WorkerMemory, CountsAProcessOfTheGroupThatLostItsParent) {
    const Child parent([] {
        const pid_t between = fork();
        if (between == 0) {
            Child::and_another([] { touched(kSize); });
            _exit(0);  // what it started is an orphan now
        }
        waitpid(between, nullptr, 0);
    });
    EXPECT_GE(memory_of(parent.pid()).resident_bytes, kSize);
}

TEST(WorkerMemory, CountsSharedMemoryOnceATree) {
    const Child parent([] {
        void* const shared =
            mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        const auto touch = [shared] {
            for (std::size_t at = 0; at < kSize; at += 4096)
                static_cast<volatile char*>(shared)[at] = 1;
        };
        touch();
        Child::and_another(touch);
    });
    const pid_t workers[] = {parent.pid()};
    const TreeMemory tree = memory_of_trees(workers).front();
    EXPECT_EQ(tree.processes.size(), 2U);
    EXPECT_GE(tree.resident_bytes, kSize);
    // Without it the two would make twice that; what else a process holds, a sanitizer's shadow of
    // the pages included, is measured on one that touched its own.
    const Child alone([] {
        void* const own =
            mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (std::size_t at = 0; at < kSize; at += 4096) static_cast<volatile char*>(own)[at] = 1;
    });
    const std::uint64_t one = memory_of(alone.pid()).resident_bytes;
    EXPECT_LT(tree.resident_bytes, 2 * one - kSize / 2);
}

TEST(WorkerMemory, TheProportionalSizeCountsWhatAForkSharesOnce) {
    const Child parent([] {
        touched(kSize);
        for (int i = 0; i < 3; ++i) Child::and_another([] {});
    });
    const TreeMemory tree = memory_of(parent.pid());
    EXPECT_EQ(tree.processes.size(), 4U);
    const auto exact = proportional_bytes(tree.processes);
    if (!exact) GTEST_SKIP() << "this kernel or container shows no smaps_rollup";
    EXPECT_GE(*exact, kSize);
    // Four processes of as much would be 128 MiB; what a sanitizer adds is shared likewise.
    EXPECT_LT(*exact, tree.resident_bytes / 2);
}

TEST(WorkerMemory, WhoIsGoneHoldsNothing) {
    EXPECT_EQ(memory_of(-1).resident_bytes, 0U);
    const pid_t gone = fork();
    if (gone == 0) _exit(0);
    waitpid(gone, nullptr, 0);
    EXPECT_EQ(memory_of(gone).resident_bytes, 0U);
    const pid_t none[] = {gone};
    EXPECT_EQ(proportional_bytes(none), std::nullopt);
}

}  // namespace
}  // namespace pilotfish::daemon
