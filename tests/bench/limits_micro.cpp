// Rows of the limits that one process can measure by itself: a full discovery, and a tick of the
// follower when nothing has changed, each beside its floor: the bare system calls on the same
// files.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "cgroup/finder.h"
#include "cgroup/follower.h"
#include "cgroup/limits_reader.h"

namespace {

using Clock = std::chrono::steady_clock;

template <class Act>
double median_us(int runs, Act act) {
    std::vector<double> took;
    for (int i = 0; i < runs; ++i) {
        const Clock::time_point start = Clock::now();
        act();
        took.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    }
    std::nth_element(took.begin(), took.begin() + runs / 2, took.end());
    return took[static_cast<std::size_t>(runs / 2)];
}

void read_plainly(const std::string& path) {
    char buffer[16384];
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    while (read(fd, buffer, sizeof buffer) > 0) continue;
    close(fd);
}

// What discovery cannot do without: both process files, and each limit file of each level.
std::vector<std::string> files_of(const pilotfish::core::Limits& limits) {
    std::vector<std::string> files{"/proc/self/mountinfo", "/proc/self/cgroup"};
    for (const auto& level : limits.cpu.levels) {
        files.push_back(level.source);
        if (limits.cpu.version == 1) {
            const std::string directory = level.source.substr(0, level.source.rfind('/'));
            files.push_back(directory + "/cpu.cfs_period_us");
        }
    }
    for (const auto& level : limits.memory.levels) files.push_back(level.source);
    return files;
}

void print(const char* row, double ours, double floor, double target) {
    std::printf(
        "{\"row\": \"%s\", \"unit\": \"µs\", \"ours\": %.3g, \"floor\": %.3g, "
        "\"target\": %.3g}\n",
        row, ours, floor, target);
}

}  // namespace

int main() {
    using namespace pilotfish;
    const cgroup::FileSource source = cgroup::FileSource::this_process();
    const std::vector<std::string> files = files_of(cgroup::read_limits(source));

    const double discovery = median_us(1000, [&] { cgroup::read_limits(source); });
    const double plain =
        median_us(1000, [&] { std::for_each(files.begin(), files.end(), read_plainly); });
    print("full discovery", discovery, plain, 120);

    std::vector<int> kept;
    for (std::size_t i = 2; i < files.size(); ++i)
        kept.push_back(open(files[i].c_str(), O_RDONLY | O_CLOEXEC));
    cgroup::Follower follower(cgroup::FileSource::this_process());
    char buffer[4096];
    const double tick = median_us(2000, [&] { follower.on_tick(Clock::now()); });
    const double preads = median_us(2000, [&] {
        for (const int fd : kept) {
            if (pread(fd, buffer, sizeof buffer, 0) < 0) continue;
        }
    });
    print("tick, nothing changed", tick, preads, 5);
}
