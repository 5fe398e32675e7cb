#include "daemon/log_stream.h"

#include <pthread.h>
#include <unistd.h>

#include <memory>
#include <new>
#include <string>
#include <utility>

#include "core/check.h"
#include "daemon/line_ring.h"

namespace pilotfish::daemon {
namespace {

// One write(2) of this much is as good as any larger one, and it is what a pipe holds.
constexpr std::size_t kBatchBytes = std::size_t{64} << 10;

void append_loss(const void* format, std::uint64_t lost, std::string& out) {
    static_cast<const LineFormat*>(format)->append_loss(out, lost,
                                                        std::chrono::system_clock::now());
}

constexpr std::size_t kReadBytes = std::size_t{64} << 10;

// Shared by all streams of a thread: thousands of idle workers must not keep buffers each.
struct Scratch {
    std::string batch;
    std::unique_ptr<char[]> read_buffer;
};

// By a key and not thread_local: the first use of a variable with a destructor takes the lock of
// the dynamic linker, and a plugin whose loading does not return holds that for ever.
Scratch& scratch_of_this_thread() {
    static const pthread_key_t key = [] {
        pthread_key_t made{};
        const int error =
            pthread_key_create(&made, [](void* scratch) { delete static_cast<Scratch*>(scratch); });
        PF_CHECK(error == 0, "no key is left for what a thread keeps of its own");
        return made;
    }();
    void* scratch = pthread_getspecific(key);
    if (scratch == nullptr) {
        auto made = std::make_unique<Scratch>();
        if (pthread_setspecific(key, made.get()) != 0) throw std::bad_alloc();
        scratch = made.release();
    }
    return *static_cast<Scratch*>(scratch);
}

std::string_view stream_name(OutputKind kind) {
    return kind == OutputKind::standard_error ? "stderr" : "stdout";
}

std::string& batch_of_this_thread() {
    std::string& batch = scratch_of_this_thread().batch;
    batch.clear();
    return batch;
}

}  // namespace

LogStream::LogStream(Output& output, LineStyle style, std::string_view worker, OutputKind kind,
                     std::shared_ptr<LogRing> ring)
    : output_(&output),
      ring_(std::move(ring)),
      kind_(kind),
      format_(style, worker, stream_name(kind)) {
    source_.emplace(output, append_loss, &format_, OutputSource::Rank::worker);
}

LogStream::LogStream(std::shared_ptr<LogFile> file, std::string_view worker, OutputKind kind,
                     std::shared_ptr<LogRing> ring)
    : output_(nullptr),
      file_(std::move(file)),
      ring_(std::move(ring)),
      kind_(kind),
      format_(LineStyle::raw, worker, stream_name(kind)) {}

void LogStream::feed(std::string_view bytes) {
    if (bytes.empty()) return;
    if (tap_ && !tap_->see(bytes)) tap_.reset();
    if (keeps_blocks()) {
        blocks_.feed(bytes);
        pass_blocks();
    }
    if (output_ == nullptr) return;
    if (format_.style() == LineStyle::raw) {
        output_->write(*source_, bytes, count_ends(bytes));
        return;
    }
    framer_.feed(bytes);
    pass_lines();
}

ssize_t LogStream::read_from(int descriptor) {
    auto& buffer = scratch_of_this_thread().read_buffer;
    if (!buffer) buffer = std::make_unique_for_overwrite<char[]>(kReadBytes);
    const ssize_t count = read(descriptor, buffer.get(), kReadBytes);
    if (count > 0) feed({buffer.get(), static_cast<std::size_t>(count)});
    return count;
}

void LogStream::end() {
    if (keeps_blocks()) {
        blocks_.end();
        pass_blocks();
    }
    framer_.end();
    if (output_ != nullptr && format_.style() != LineStyle::raw) pass_lines();
}

void LogStream::resume(const std::string& unfinished, bool continues) {
    // Raw bytes have left as they came; only a tap waits for the line's end.
    if (tap_ && !unfinished.empty() && !tap_->see(unfinished)) tap_.reset();
    if (keeps_blocks()) blocks_.resume(unfinished, continues);
    if (output_ != nullptr && format_.style() != LineStyle::raw)
        framer_.resume(unfinished, continues);
}

void LogStream::pass_blocks() {
    const auto now = std::chrono::system_clock::now();
    for (LineBlock block; blocks_.next(block);) {
        if (ring_) ring_->append(kind_, now, block);
        if (!file_) continue;
        file_lines_.fetch_add(block.lines, std::memory_order_relaxed);
        file_->write(block.bytes, block.lines);
    }
}

void LogStream::pass_lines() {
    const std::string head = format_.head(std::chrono::system_clock::now());
    std::string& batch = batch_of_this_thread();
    std::uint64_t lines = 0;
    for (Line line; framer_.next(line); ++lines) {
        if (batch.size() >= kBatchBytes) {
            output_->write(*source_, batch, lines);
            batch.clear();
            lines = 0;
        }
        format_.append(batch, line, head);
    }
    if (lines > 0) output_->write(*source_, batch, lines);
}

}  // namespace pilotfish::daemon
