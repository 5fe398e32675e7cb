// What a worker's line costs on its way through us, stage by stage, and the whole way between two
// pipes: writer process -> pipe -> read, LogStream, Output -> pipe -> reader process.
//   log_micro [MEGABYTES]      default 512 for the stages, twice that for the whole way
// CPU is ours alone (user + system, all threads); a GB is 10^9 bytes of the worker's.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/check.h"
#include "daemon/log_spdlog.h"
#include "daemon/log_stream.h"

namespace {

using namespace pilotfish;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kRead = std::size_t{64} << 10;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](timeval t) { return double(t.tv_sec) + double(t.tv_usec) / 1e6; };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// 64 KiB of lines of so many bytes, line end included.
std::string lines_of(std::size_t bytes) {
    std::string text;
    while (text.size() < kRead) text.append(bytes - 1, 'x') += '\n';
    return text.substr(0, kRead);
}

void report(const char* what, std::size_t line_bytes, double total_bytes, double seconds,
            double cpu) {
    std::printf("%-34s %5zu B %8.0f MB/s %7.2f CPU s/GB %7.1f ns/line\n", what, line_bytes,
                total_bytes / 1e6 / seconds, cpu / (total_bytes / 1e9),
                cpu * 1e9 / (total_bytes / double(line_bytes)));
}

template <class Work>
void measure(const char* what, std::size_t line_bytes, std::size_t total_bytes, Work&& work) {
    const std::string block = lines_of(line_bytes);
    const double cpu = cpu_seconds();
    const auto start = Clock::now();
    for (std::size_t done = 0; done < total_bytes; done += block.size()) work(block);
    report(what, line_bytes, double(total_bytes), seconds_since(start), cpu_seconds() - cpu);
}

void measure_stages(std::size_t line_bytes, std::size_t total_bytes) {
    std::size_t sink = 0;
    {
        daemon::LineFramer framer;
        measure("frame", line_bytes, total_bytes, [&](const std::string& block) {
            framer.feed(block);
            for (daemon::Line line; framer.next(line);) sink += line.text.size();
        });
    }
    for (const auto style : {daemon::LineStyle::prefix, daemon::LineStyle::json}) {
        const daemon::LineFormat format(style, "web", "stdout");
        daemon::LineFramer framer;
        std::string batch;
        const std::string head = format.head(std::chrono::system_clock::now());
        measure(style == daemon::LineStyle::json ? "frame, format as JSON" : "frame, prefix",
                line_bytes, total_bytes, [&](const std::string& block) {
                    batch.clear();
                    framer.feed(block);
                    for (daemon::Line line; framer.next(line);) format.append(batch, line, head);
                    sink += batch.size();
                });
    }
    if (sink == 0) std::abort();
}

template <class Work>
pid_t in_child(Work&& work) {
    const pid_t child = fork();
    PF_CHECK(child >= 0, "cannot fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        work();
        _exit(0);
    }
    return child;
}

// ours: what stands between the two pipes.
template <class Ours>
void measure_whole_way(const char* what, std::size_t line_bytes, std::size_t total_bytes,
                       Ours&& ours) {
    int in[2];
    int out[2];
    PF_CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "cannot make pipes");
    const std::string block = lines_of(line_bytes);
    const pid_t writer = in_child([&] {
        for (std::size_t left = total_bytes; left > 0;) {
            const ssize_t count = write(in[1], block.data(), std::min(left, block.size()));
            if (count <= 0) break;
            left -= static_cast<std::size_t>(count);
        }
    });
    const pid_t reader = in_child([&] {
        close(out[1]);
        close(in[0]);
        close(in[1]);
        std::vector<char> bytes(kRead);
        while (read(out[0], bytes.data(), bytes.size()) > 0) {
        }
    });
    close(in[1]);
    close(out[0]);
    const double cpu = cpu_seconds();
    const auto start = Clock::now();
    ours(in[0], out[1]);
    const double own_cpu = cpu_seconds() - cpu;
    close(in[0]);
    close(out[1]);
    waitpid(writer, nullptr, 0);
    waitpid(reader, nullptr, 0);
    report(what, line_bytes, double(total_bytes), seconds_since(start), own_cpu);
}

template <class Take>
void read_all(int fd, Take&& take) {
    static std::vector<char> bytes(kRead);
    ssize_t count = 0;
    while ((count = read(fd, bytes.data(), bytes.size())) > 0) {
        take(std::string_view(bytes.data(), static_cast<std::size_t>(count)));
    }
}

void measure_whole_ways(std::size_t line_bytes, std::size_t total_bytes) {
    measure_whole_way("floor: read, blocking write", line_bytes, total_bytes, [](int in, int out) {
        read_all(in, [&](std::string_view bytes) {
            PF_CHECK(write(out, bytes.data(), bytes.size()) > 0, "cannot write");
        });
    });
    struct Way {
        const char* name;
        daemon::LineStyle style;
    };
    for (const Way way :
         {Way{"raw", daemon::LineStyle::raw}, Way{"prefix", daemon::LineStyle::prefix},
          Way{"json", daemon::LineStyle::json}}) {
        measure_whole_way(way.name, line_bytes, total_bytes, [&](int in, int out) {
            daemon::Output output(out);
            // As by default: with the ring of the last lines.
            const auto ring = std::make_shared<daemon::LogRing>(std::size_t{128} << 10, 0);
            daemon::LogStream stream(output, way.style, "web", daemon::OutputKind::standard_output,
                                     ring);
            while (stream.read_from(in) > 0) {
                while (output.wants_pause()) usleep(1000);
            }
            stream.end();
            output.flush(std::chrono::seconds(10));
            if (stream.lost_lines() > 0) {
                std::printf("  (%llu of %llu lines lost: the reader was slower)\n",
                            static_cast<unsigned long long>(stream.lost_lines()),
                            static_cast<unsigned long long>(stream.lines()));
            }
        });
    }
}

// What `pilotfish -- true` pays: an Output, the first own line, one more, and the flush at the end.
void measure_first_lines(const char* what, int fd) {
    std::vector<double> costs;
    for (int i = 0; i < 101; ++i) {
        const auto start = Clock::now();
        {
            daemon::Output output(fd);
            daemon::SpdlogSink sink(output, daemon::OwnStyle::text);
            sink.write(core::LogLevel::info, "daemon", "2 processors: 1.5 CPUs of cpu.max");
            sink.write(core::LogLevel::info, "daemon", "main ended: exit code 0");
            output.flush(std::chrono::seconds(1));
        }
        costs.push_back(seconds_since(start) * 1e6);
    }
    const double first = costs.front();
    std::sort(costs.begin(), costs.end());
    std::printf("%-34s first time %7.1f us, median %7.1f us\n", what, first,
                costs[costs.size() / 2]);
}

}  // namespace

int main(int argc, char** argv) {
    signal(SIGPIPE, SIG_IGN);
    const std::size_t total = (argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 512) * 1'000'000;
    int quick[2];
    PF_CHECK(pipe2(quick, O_CLOEXEC) == 0, "cannot make a pipe");
    fcntl(quick[1], F_SETPIPE_SZ, 1 << 20);
    measure_first_lines("two own lines and flush, pipe", quick[1]);
    const int file = memfd_create("log", MFD_CLOEXEC);
    measure_first_lines("the same through the thread", file);
    for (const std::size_t bytes : {64u, 1024u}) {
        measure_stages(bytes, total);
        measure_whole_ways(bytes, 2 * total);
    }
    return 0;
}
