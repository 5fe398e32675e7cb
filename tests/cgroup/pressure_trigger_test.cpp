#include "cgroup/pressure_trigger.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "cgroup/finder.h"
#include "tests/cgroup/real_group.h"
#include "tests/cgroup/replayed.h"
#include "tests/support/test_support.h"

namespace pilotfish::cgroup {
namespace {

using Kind = PressureTrigger::Kind;

core::Limits of_v2_group(const std::string& directory) {
    core::Limits limits;
    limits.memory.version = 2;
    core::MemoryLevel own;
    own.source = directory + "/memory.max";
    limits.memory.levels.push_back(own);
    return limits;
}

// memory.pressure of a container whose cgroup file system is read-only: it can be opened and read,
// and no trigger be written. The kernel's part is played through the mapping.
class ReadOnlyPressure {
  public:
    explicit ReadOnlyPressure(const std::string& directory)
        : fd_(::memfd_create("memory.pressure", MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
        if (::ftruncate(fd_.get(), kBytes) != 0) return;
        void* const map = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
        text_ = map == MAP_FAILED ? nullptr : static_cast<char*>(map);
        if (::fcntl(fd_.get(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE) != 0) return;
        const std::string target = "/proc/self/fd/" + std::to_string(fd_.get());
        usable_ = text_ != nullptr &&
                  ::symlink(target.c_str(), (directory + "/memory.pressure").c_str()) == 0;
    }
    ReadOnlyPressure(const ReadOnlyPressure&) = delete;
    ReadOnlyPressure& operator=(const ReadOnlyPressure&) = delete;
    ~ReadOnlyPressure() {
        if (text_ != nullptr) ::munmap(text_, kBytes);
    }
    bool usable() const { return usable_; }
    void say(const std::string& avg10) {
        std::string line = "some avg10=" + avg10 + " avg60=0.00 avg300=0.00 total=1";
        line.resize(kBytes - 1, ' ');
        line += '\n';
        std::copy(line.begin(), line.end(), text_);
    }

  private:
    static constexpr std::size_t kBytes = 128;
    UniqueFd fd_;
    char* text_ = nullptr;
    bool usable_ = false;
};

TEST(PressureTrigger, WhereTheFileIsReadOnlyIsPolledAndTellsEachBeginningOnce) {
    const tests::TempDir group;
    ReadOnlyPressure pressure(group.path());
    if (!pressure.usable()) GTEST_SKIP() << "no sealed files here";
    pressure.say("0.00");
    const FileSource here = FileSource::this_process();
    PressureTrigger trigger = PressureTrigger::open(here, of_v2_group(group.path()), std::nullopt);
    ASSERT_EQ(trigger.kind(), Kind::polled) << trigger.words();
    EXPECT_EQ(trigger.watch_fd(), -1);
    EXPECT_FALSE(trigger.on_tick());
    pressure.say("10.00");
    EXPECT_TRUE(trigger.on_tick());
    pressure.say("40.00");
    EXPECT_FALSE(trigger.on_tick());
    pressure.say("9.99");
    EXPECT_FALSE(trigger.on_tick());
    pressure.say("12.00");
    EXPECT_TRUE(trigger.on_tick());
}

TEST(PressureTrigger, WhereNothingTellsOfPressureIsNoneAndSaysSo) {
    const FileSource here = FileSource::this_process();
    const tests::TempDir empty;
    const PressureTrigger bare =
        PressureTrigger::open(here, of_v2_group(empty.path()), std::nullopt);
    EXPECT_EQ(bare.kind(), Kind::none);
    EXPECT_EQ(bare.watch_fd(), -1);
    EXPECT_EQ(bare.words(), "nothing here tells of memory pressure");

    const tests::TempDir silent;  // a kernel with psi=0: the file is there and says nothing
    silent.write("memory.pressure", "");
    EXPECT_EQ(PressureTrigger::open(here, of_v2_group(silent.path()), std::nullopt).kind(),
              Kind::none);

    core::Limits v1 = of_v2_group(empty.path());
    v1.memory.version = 1;
    EXPECT_EQ(PressureTrigger::open(here, v1, 4096).kind(), Kind::none);
}

TEST(PressureTrigger, OfARecordedContainerIsNone) {
    const tests::TempDir container;
    container.write("cg/memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n");
    const FileSource source = tests::replayed_source(container.path());
    EXPECT_EQ(PressureTrigger::open(source, of_v2_group("/cg"), std::nullopt).kind(), Kind::none);
}

// Every v2 group has its PSI files, whatever controllers it has.
class UnifiedGroup {
  public:
    UnifiedGroup() {
        const FileSource here = FileSource::this_process();
        const Place place = find_unified(here, read_tables(here));
        if (place.directories.empty()) return;
        path_ = place.mount_point + "/pilotfish-psi-" + std::to_string(getpid());
        made_ = ::mkdir(path_.c_str(), 0755) == 0;
    }
    UnifiedGroup(const UnifiedGroup&) = delete;
    UnifiedGroup& operator=(const UnifiedGroup&) = delete;
    ~UnifiedGroup() { remove(); }
    bool usable() const {
        return made_ && ::access((path_ + "/memory.pressure").c_str(), R_OK | W_OK) == 0;
    }
    const std::string& path() const { return path_; }
    void remove() {
        if (made_) ::rmdir(path_.c_str());
        made_ = false;
    }

  private:
    std::string path_;
    bool made_ = false;
};

TEST(PressureTrigger, IsArmedInTheKernelAndHearsThatItsGroupIsGone) {
    UnifiedGroup group;
    if (!group.usable()) GTEST_SKIP() << "cannot make v2 groups here";
    const FileSource here = FileSource::this_process();
    PressureTrigger trigger = PressureTrigger::open(here, of_v2_group(group.path()), std::nullopt);
    // Without CAP_SYS_RESOURCE the kernel takes no window of one second.
    ASSERT_TRUE(trigger.kind() == Kind::psi_one_second || trigger.kind() == Kind::psi_two_seconds)
        << trigger.words();
    pollfd entry{trigger.watch_fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&entry, 1, 0), 0) << "nobody waited for memory yet";
    group.remove();
    ASSERT_TRUE(tests::becomes_readable(trigger.watch_fd()));
    EXPECT_EQ(trigger.on_watch(), PressureTrigger::News::group_gone);
}

}  // namespace
}  // namespace pilotfish::cgroup
