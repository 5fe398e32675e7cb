// Against the kernel itself, v1 or v2, where this process may make groups; skipped elsewhere.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>

#include "cgroup/finder.h"
#include "cgroup/follower.h"
#include "cgroup/limits_reader.h"
#include "cgroup/usage.h"

namespace pilotfish::cgroup {
namespace {

using namespace std::chrono_literals;

bool write_text(const std::string& path, const std::string& text) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    ::close(fd);
    return written;
}

// A group below the highest visible one, for one controller; this process enters and leaves it.
class RealGroup {
  public:
    explicit RealGroup(const std::string& controller) {
        const FileSource here = FileSource::this_process();
        const Place place = find_controller(here, read_tables(here), controller);
        if (place.directories.empty()) return;
        home_ = place.directories.front();
        version_ = place.version;
        if (version_ == 2)
            write_text(place.mount_point + "/cgroup.subtree_control", "+" + controller);
        path_ =
            place.mount_point + "/pilotfish-test-" + controller + "-" + std::to_string(getpid());
        made_ = ::mkdir(path_.c_str(), 0755) == 0;
        // v2 enables no controller for children of a group with processes: a container's own.
        const std::string limit = path_ + (version_ == 2 ? "/" + controller + ".max" : "");
        usable_ = made_ && ::access(limit.c_str(), W_OK) == 0;
    }
    RealGroup(const RealGroup&) = delete;
    RealGroup& operator=(const RealGroup&) = delete;
    ~RealGroup() {
        if (!made_) return;
        if (usable_) leave();
        ::rmdir(path_.c_str());
    }
    bool usable() const { return usable_; }
    int version() const { return version_; }
    const std::string& path() const { return path_; }
    bool enter() const { return write_text(path_ + "/cgroup.procs", std::to_string(getpid())); }
    bool leave() const { return write_text(home_ + "/cgroup.procs", std::to_string(getpid())); }
    bool set_cpus(int quota_us) const {
        if (version_ == 2)
            return write_text(path_ + "/cpu.max", std::to_string(quota_us) + " 100000");
        return write_text(path_ + "/cpu.cfs_quota_us", std::to_string(quota_us));
    }
    bool remove() {
        leave();
        made_ = ::rmdir(path_.c_str()) != 0;
        return !made_;
    }

  private:
    std::string home_;
    std::string path_;
    int version_ = 0;
    bool made_ = false;
    bool usable_ = false;
};

bool becomes_readable(int fd) {
    pollfd entry{fd, POLLIN, 0};
    return ::poll(&entry, 1, 5000) == 1;
}

TEST(LiveKernel, DescribesThisProcessWithoutWarnings) {
    const FileSource here = FileSource::this_process();
    if (!here.look("/sys/fs/cgroup").ok()) GTEST_SKIP() << "no cgroup file system here";
    const core::Limits limits = read_limits(here);
    EXPECT_GE(limits.cpu.affinity, 1);
    EXPECT_GE(limits.cpu.online, limits.cpu.affinity);
    EXPECT_GT(limits.memory.total_bytes.value(), 0u);
}

TEST(LiveKernel, AQuotaIsReadFollowedByWatchAndResolvedAnewAfterTheGroupIsGone) {
    RealGroup group("cpu");
    if (!group.usable()) GTEST_SKIP() << "cannot make cgroups with limits here";
    ASSERT_TRUE(group.set_cpus(150000));
    const FileSource here = FileSource::this_process();
    const core::Limits outside = read_limits(here);

    Follower::TimePoint now{1h};
    Follower follower(FileSource::this_process());
    ASSERT_TRUE(group.enter());
    follower.on_tick(now += 1s);
    follower.on_tick(now += 1s);
    follower.on_check(now += 100ms);
    EXPECT_EQ(follower.limits().cpu.cpus, 1.5);
    EXPECT_EQ(follower.limits().cpu.version, group.version());

    ASSERT_TRUE(group.set_cpus(180000));
    ASSERT_TRUE(becomes_readable(follower.watch_fd()));
    EXPECT_TRUE(follower.on_watch(now));
    EXPECT_EQ(follower.limits().cpu.cpus, 1.8);

    ASSERT_TRUE(group.remove());
    follower.on_tick(now += 1s);  // the kept descriptor says ENODEV
    follower.on_check(now += 100ms);
    EXPECT_EQ(follower.limits().cpu.state, outside.cpu.state);
    EXPECT_EQ(follower.limits().cpu.cpus, outside.cpu.cpus);
}

TEST(LiveKernel, AMemoryLimitIsReadRoundedToPages) {
    RealGroup group("memory");
    if (!group.usable()) GTEST_SKIP() << "cannot make cgroups with limits here";
    const std::string file = group.version() == 2 ? "/memory.max" : "/memory.limit_in_bytes";
    ASSERT_TRUE(write_text(group.path() + file, std::to_string((512u << 20) + 1)));
    ASSERT_TRUE(group.enter());
    const FileSource here = FileSource::this_process();
    const core::Limits limits = read_limits(here);
    EXPECT_EQ(limits.memory.limit_bytes, 512u << 20);
    EXPECT_EQ(limits.memory.source, group.path() + file);

    UsageReader reader(here, limits);
    const Usage usage = reader.read(UsageReader::TimePoint(1h));
    EXPECT_TRUE(usage.memory.usage_bytes.has_value());
    EXPECT_TRUE(usage.memory.working_set_bytes().has_value());
    EXPECT_EQ(usage.memory.events.oom_kill, 0u);
}

}  // namespace
}  // namespace pilotfish::cgroup
