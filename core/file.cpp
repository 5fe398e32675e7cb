#include "core/file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "core/blocking.h"
#include "core/io.h"

namespace pilotfish::core {
namespace {

// What runs on the thread. It may finish when its task has gone, so what it opens owns itself.

struct Opened {
    OwnedFd fd;
    int failure = 0;
};

Opened open_now(const std::string& path, int flags, unsigned mode) noexcept {
    Opened out;
    const IoOutcome outcome =
        io_attempt([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
    if (outcome.failure == 0) out.fd = OwnedFd(static_cast<int>(outcome.count));
    out.failure = outcome.failure;
    return out;
}

// Until `into` is full or the file ends. next(position, rest) makes one system call.
template <class Next>
IoOutcome read_fully(std::span<char> into, Next next) noexcept {
    std::size_t done = 0;
    while (done < into.size()) {
        const IoOutcome outcome = io_attempt([&] { return next(done, into.subspan(done)); });
        if (outcome.failure != 0) return outcome;
        if (outcome.count == 0) break;
        done += static_cast<std::size_t>(outcome.count);
    }
    return {static_cast<std::int64_t>(done), 0};
}

template <class Next>
IoOutcome write_fully(std::string_view from, Next next) noexcept {
    std::size_t done = 0;
    while (done < from.size()) {
        const IoOutcome outcome = io_attempt([&] { return next(done, from.substr(done)); });
        if (outcome.failure != 0) return outcome;
        done += static_cast<std::size_t>(outcome.count);
    }
    return {static_cast<std::int64_t>(done), 0};
}

struct WholeFile {
    std::string text;
    const char* step = nullptr;  // that failed
    int failure = 0;
    bool too_long = false;
};

WholeFile read_whole(const std::string& path, std::size_t most_bytes) {
    WholeFile out;
    const Opened opened = open_now(path, O_RDONLY, 0);
    if (!opened.fd) return {{}, "open ", opened.failure, false};
    struct stat info{};
    std::size_t room = 4096;
    if (::fstat(opened.fd.get(), &info) == 0 && info.st_size > 0)
        room = std::min(static_cast<std::size_t>(info.st_size), most_bytes) + 1;  // + 1: the end
    std::size_t done = 0;
    for (;;) {
        out.text.resize(done + room);
        const IoOutcome outcome =
            read_fully({out.text.data() + done, room}, [&](std::size_t, std::span<char> rest) {
                return ::read(opened.fd.get(), rest.data(), rest.size());
            });
        if (outcome.failure != 0) return {{}, "read ", outcome.failure, false};
        done += static_cast<std::size_t>(outcome.count);
        if (done > most_bytes) return {{}, nullptr, 0, true};
        if (static_cast<std::size_t>(outcome.count) < room) break;
        room = done;
    }
    out.text.resize(done);
    return out;
}

}  // namespace

Task<Result<File>> File::open(std::string path, int flags, unsigned mode) {
    Opened opened = co_await blocking([&] { return open_now(path, flags, mode); });
    if (!opened.fd) co_return io_error("open " + path, opened.failure);
    co_return File(std::move(opened.fd), std::move(path));
}

Task<Result<std::size_t>> File::read(std::span<char> into) {
    const IoOutcome outcome = co_await blocking([this, into] {
        return read_fully(into, [this](std::size_t, std::span<char> rest) {
            return ::read(fd_.get(), rest.data(), rest.size());
        });
    });
    if (outcome.failure != 0) co_return io_error("read " + path_, outcome);
    co_return static_cast<std::size_t>(outcome.count);
}

Task<Result<std::size_t>> File::read_at(std::span<char> into, std::uint64_t offset) {
    const IoOutcome outcome = co_await blocking([this, into, offset] {
        return read_fully(into, [this, offset](std::size_t done, std::span<char> rest) {
            return ::pread(fd_.get(), rest.data(), rest.size(), static_cast<off_t>(offset + done));
        });
    });
    if (outcome.failure != 0) co_return io_error("read " + path_, outcome);
    co_return static_cast<std::size_t>(outcome.count);
}

// call: returns 0 or an errno, on another thread.
template <class Call>
Task<Result<void>> File::call(const char* what, Call call) {
    const int failure = co_await blocking(std::move(call));
    if (failure != 0) co_return io_error(what + path_, failure);
    co_return Result<void>();
}

Task<Result<void>> File::write_all(std::string_view from) {
    return call("write ", [this, from] {
        return write_fully(from,
                           [this](std::size_t, std::string_view rest) {
                               return ::write(fd_.get(), rest.data(), rest.size());
                           })
            .failure;
    });
}

Task<Result<void>> File::write_all_at(std::string_view from, std::uint64_t offset) {
    return call("write ", [this, from, offset] {
        return write_fully(from,
                           [this, offset](std::size_t done, std::string_view rest) {
                               return ::pwrite(fd_.get(), rest.data(), rest.size(),
                                               static_cast<off_t>(offset + done));
                           })
            .failure;
    });
}

Task<Result<void>> File::sync() {
    return call("sync ", [this] { return ::fsync(fd_.get()) == 0 ? 0 : errno; });
}

Task<Result<void>> File::data_sync() {
    return call("sync ", [this] { return ::fdatasync(fd_.get()) == 0 ? 0 : errno; });
}

Task<Result<void>> File::truncate(std::uint64_t size) {
    return call("cut ", [this, size] {
        return ::ftruncate(fd_.get(), static_cast<off_t>(size)) == 0 ? 0 : errno;
    });
}

Task<Result<std::uint64_t>> File::size() {
    struct stat info{};
    const int failure =
        co_await blocking([&] { return ::fstat(fd_.get(), &info) == 0 ? 0 : errno; });
    if (failure != 0) co_return io_error("ask for the size of " + path_, failure);
    co_return static_cast<std::uint64_t>(info.st_size);
}

// After close(2) the number is free even when it failed.
Task<Result<void>> File::close() {
    return call("close ", [this] {
        const int fd = fd_.release();
        return fd < 0 || ::close(fd) == 0 ? 0 : errno;
    });
}

Task<Result<std::string>> read_file(std::string path, std::size_t most_bytes) {
    WholeFile whole = co_await blocking([&] { return read_whole(path, most_bytes); });
    if (whole.too_long)
        co_return Error{
            "cannot read " + path + ": it has more than " + std::to_string(most_bytes) + " bytes",
            EFBIG};
    if (whole.step) co_return io_error(whole.step + path, whole.failure);
    co_return std::move(whole.text);
}

Task<Result<void>> write_file(std::string path, std::string_view text, unsigned mode) {
    Result<File> file = co_await File::open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    if (!file) co_return file.error();
    const Result<void> written = co_await file->write_all(text);
    if (!written) co_return written.error();
    co_return co_await file->close();
}

}  // namespace pilotfish::core
