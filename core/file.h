// Files, through the threads of blocking(): a disk has no edges to wait for.
//
//     Result<std::string> text = co_await read_file("/etc/hostname");
//     Result<File> log = co_await File::open("/var/log/x", O_WRONLY | O_CREAT | O_APPEND);
//     const Result<void> written = co_await log->write_all(line);
//     const Result<void> safe = co_await log->sync();
//
// One call is one trip to a thread and back, tens of microseconds, whatever its size: read and
// write in large pieces. For pipes, sockets and terminals see core/pipe.h.
//
// Thread-safety: a File belongs to one task at a time, but for read_at and write_at, which any
// number may call. Ownership: owns its descriptor, borrows buffers and its own place until the
// co_await is over. Suspends: every call of a Task. Blocks: the destructor as long as close(2)
// does; close() does not. Fails: Result with the path in it. Offsets and sizes are bytes.
#pragma once

#include <fcntl.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/owned_fd.h"
#include "core/result.h"
#include "core/task.h"

namespace pilotfish::core {

class File {
  public:
    File() = default;
    // flags as open(2)'s; O_CLOEXEC is added. mode: of a file that is made, less the umask.
    static Task<Result<File>> open(std::string path, int flags, unsigned mode = 0644);

    // From where the last one stopped. Fewer bytes than into holds: the end of the file.
    Task<Result<std::size_t>> read(std::span<char> into);
    Task<Result<void>> write_all(std::string_view from);
    // From a place of their own (pread(2), pwrite(2)).
    Task<Result<std::size_t>> read_at(std::span<char> into, std::uint64_t offset);
    Task<Result<void>> write_all_at(std::string_view from, std::uint64_t offset);

    Task<Result<void>> sync();       // data and all that describes it are on the disk
    Task<Result<void>> data_sync();  // data and what is needed to read it again
    Task<Result<void>> truncate(std::uint64_t size);
    Task<Result<std::uint64_t>> size();
    // Tells what the destructor could not: some file systems report a failed write only now.
    Task<Result<void>> close();

    bool is_open() const noexcept { return static_cast<bool>(fd_); }
    int descriptor() const noexcept { return fd_.get(); }
    const std::string& path() const noexcept { return path_; }

  private:
    File(OwnedFd fd, std::string path) noexcept : fd_(std::move(fd)), path_(std::move(path)) {}
    template <class Call>
    Task<Result<void>> call(const char* what, Call call);

    OwnedFd fd_;
    std::string path_;
};

// The whole file, also one of /proc, whose size nobody knows before. A longer one than most is an
// error.
Task<Result<std::string>> read_file(std::string path, std::size_t most_bytes = 64 << 20);
// Made if missing, emptied if not. Neither atomic nor synced.
Task<Result<void>> write_file(std::string path, std::string_view text, unsigned mode = 0644);

}  // namespace pilotfish::core
