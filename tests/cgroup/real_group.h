// A real group of the kernel, v1 or v2, where this process may make one.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "cgroup/finder.h"
#include "core/limits.h"

namespace pilotfish::tests {

using cgroup::FileSource;
using cgroup::Place;

inline bool write_text(const std::string& path, const std::string& text) {
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
    bool set_memory(std::uint64_t bytes) const {
        const char* const file = version_ == 2 ? "/memory.max" : "/memory.limit_in_bytes";
        return write_text(path_ + file, std::to_string(bytes));
    }
    // As if this process were in it.
    core::Limits limits() const {
        core::Limits limits;
        limits.memory.version = version_;
        core::MemoryLevel own;
        own.source = path_ + (version_ == 2 ? "/memory.max" : "/memory.limit_in_bytes");
        limits.memory.levels.push_back(own);
        return limits;
    }
    // A child that enters the group and then touches so much memory.
    pid_t fork_hog(std::size_t mebibytes) const {
        const pid_t child = ::fork();
        if (child != 0) return child;
        if (!enter()) ::_exit(1);
        for (std::size_t held = 0; held < mebibytes; ++held) {
            void* const piece = ::mmap(nullptr, 1u << 20, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (piece == MAP_FAILED) ::_exit(2);
            std::memset(piece, 1, 1u << 20);
        }
        ::_exit(0);
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

inline bool becomes_readable(int fd) {
    pollfd entry{fd, POLLIN, 0};
    return ::poll(&entry, 1, 20000) == 1;
}

}  // namespace pilotfish::tests
