// The world's files behind one seam: this machine's, another process's, or a directory of recorded
// files (`--root DIR`), so that any container can be replayed.
//
// Any thread (const calls). Owns one descriptor (the root of a replay). Calls block only as long as
// the kernel needs for procfs and cgroupfs; a FIFO or a device in a replay never blocks. Fails: by
// ReadOutcome, with the errno. A replay never follows a link or ".." out of its directory.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.h"

namespace pilotfish::cgroup {

// An open descriptor, closed at the end of life. -1: none.
class UniqueFd {
  public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept;
    ~UniqueFd();
    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    void reset();

  private:
    int fd_ = -1;
};

enum class ReadState {
    ok,
    absent,  // ENOENT, ENOTDIR: nothing there, which often means "no limit"
    failed,  // there, and not readable: system_errno says why; EFBIG: longer than the cap
};

struct ReadOutcome {
    ReadState state = ReadState::ok;
    int system_errno = 0;
    bool ok() const { return state == ReadState::ok; }
};

// The longest file of each kind that is still believed. Chosen, not measured: ten times what a
// kernel or a busy host was ever seen to write.
inline constexpr std::size_t kMountinfoCapBytes = 16u << 20;
inline constexpr std::size_t kMembershipCapBytes = 1u << 20;
inline constexpr std::size_t kLimitFileCapBytes = 4096;
inline constexpr std::size_t kStatFileCapBytes = 64u << 10;

class FileSource {
  public:
    // This process on this machine.
    static FileSource this_process();
    // Another process as seen from here: its membership and its mounts, through /proc/PID/root.
    static core::Result<FileSource> of_process(pid_t pid);
    // Files recorded below DIR: DIR/proc/self/..., and the mounts named there below DIR.
    static core::Result<FileSource> replay(const std::string& directory);

    bool is_replay() const { return kind_ == Kind::replay; }
    bool is_this_process() const { return kind_ == Kind::this_process; }
    pid_t pid() const { return pid_; }  // 0: this process

    // The name a warning uses: "/proc/self/cgroup", "/proc/17/mountinfo".
    std::string process_file(std::string_view name) const;

    // Opens for reading, close-on-exec, never blocking. Fails: an empty descriptor and errno.
    UniqueFd open(const std::string& path) const;
    UniqueFd open_process_file(std::string_view name) const;

    // Replaces text by the whole file.
    ReadOutcome read(const std::string& path, std::size_t cap_bytes, std::string& text) const;
    ReadOutcome read_process_file(std::string_view name, std::size_t cap_bytes,
                                  std::string& text) const;

    // absent: no such entry; failed: could not be looked at (e.g. EACCES above it).
    ReadOutcome look(const std::string& path) const;

  private:
    enum class Kind { this_process, other_process, replay };
    FileSource(Kind kind, pid_t pid, UniqueFd root)
        : kind_(kind), pid_(pid), root_(std::move(root)) {}

    int open_below_root(const std::string& path, int flags) const;
    Kind kind_;
    pid_t pid_ = 0;
    UniqueFd root_;
};

// Replaces text by what the descriptor holds from its beginning (pread), however often called.
ReadOutcome read_whole(int fd, std::size_t cap_bytes, std::string& text);

// "cannot read PATH: permission denied".
std::string read_failure(std::string_view path, const ReadOutcome& outcome);

}  // namespace pilotfish::cgroup
