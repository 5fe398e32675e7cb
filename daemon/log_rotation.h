// A log file that is begun anew when it is full: PATH, and before it PATH.1, PATH.2 and so on.
//
// No line is lost or torn by a rotation: the oldest file is renamed first, and when a rename fails
// nothing is renamed over, so writing goes on in the file there is, and the next rotation is tried
// once it has grown by as much again. A file that somebody moved away (logrotate) or removed is
// noticed before the next write, and one of its name is made anew: no signal is needed. Nothing is
// synced to the disk: a log outlives its process, not the loss of power.
//
// A daemon that is root, or has its rights, writes into directories where its workers may write as
// well: volumes of mode 0777, folders that belong to the worker's user. Whoever may write there
// shall not choose what root appends to. So the way to the directory is walked step by step, and a
// symbolic link is followed only where root or we made it and others could not; the directory is
// then held, and all that is done below it is done to names in it. The file itself is a regular one
// with one name, no link, and belongs to root, to us or to the directory's owner. What does not
// hold is an error, said once; lines are lost meanwhile, and counted (daemon/log_file.h).
// Rejected: to become the directory's owner for the time of the call (setfsuid): root's
// supplementary groups would stay, and a volume of mode 0777 belongs to root.
//
// One thread at a time. Owns its descriptor; borrows the calls. Blocks: as long as the file system
// does. Fails: with a sentence and the system's errno; what was not written can be given again.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/owned_fd.h"
#include "core/result.h"

namespace pilotfish::daemon {

// The file system behind a seam. As the system calls of those names, but in a directory.
class FileCalls {
  public:
    virtual ~FileCalls() = default;
    virtual int open(int directory, const char* name, int flags, mode_t mode);
    virtual ssize_t write(int fd, const char* bytes, std::size_t count);
    virtual int rename(int directory, const char* from, const char* to);
    virtual int unlink(int directory, const char* name);
    static FileCalls& of_system();
};

struct RotationOptions {
    std::string path;
    std::uint64_t max_bytes = 0;  // 0: never
    int max_files = 0;            // beside the current one; 0: what is full is removed
};

class RotatingFile {
  public:
    explicit RotatingFile(RotationOptions options, FileCalls& calls = FileCalls::of_system());
    ~RotatingFile();
    RotatingFile(const RotatingFile&) = delete;
    RotatingFile& operator=(const RotatingFile&) = delete;

    // Writes from the head of the lines what fits into one file and the kernel takes; how much that
    // was, at least a byte. A line is parted only by the kernel, and goes on where it was parted.
    core::Result<std::size_t> write(std::string_view lines);
    // Makes the file, so that a wrong path is found before the first line.
    core::Result<void> open();
    // A rotation that failed since the last call: nothing is lost by it. "": none did.
    std::string take_complaint() { return std::exchange(complaint_, {}); }

  private:
    void let_go_if_moved();
    std::size_t fitting(std::string_view lines) const;
    void rotate();
    std::string numbered(int number) const { return name_ + "." + std::to_string(number); }
    core::Error error(std::string_view what, int code) const;

    const RotationOptions options_;
    const std::string name_;  // in its directory
    FileCalls& calls_;
    core::OwnedFd directory_;
    int fd_ = -1;
    struct stat id_{};  // of the file that fd_ is
    std::uint64_t size_ = 0;
    std::uint64_t full_at_ = 0;  // the size that the next rotation is tried at
    bool in_line_ = false;       // the last write ended within a line
    std::string complaint_;
};

}  // namespace pilotfish::daemon
