// A queue worker: takes jobs from a directory (a maildir, a spool) and works on several at once.
//
//   PLUGIN_ARGS   DIRECTORY [WORKERS]        default: 4 workers
//
// Whoever has a job moves a file into DIRECTORY/new. A worker claims it by moving it to
// DIRECTORY/work, reads it, writes what it makes of it (the number of words and the checksum) to
// DIRECTORY/done, and removes the claim. Jobs that a crash left in work/ are taken up again at the
// next start. Told to stop, it takes no new job and finishes those it has.
//
// It shows: a channel between the one that looks and those that work, a timer, calls that block
// their thread, a group whose tasks end together, and a drain.
#include <pilotfish/plugin.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using namespace pilotfish;

struct Spool {
    fs::path waiting;
    fs::path claimed;
    fs::path done;
};

// The functions that block: each runs on a thread of the blocking pool.

Spool open_spool(const fs::path& root) {
    Spool spool{root / "new", root / "work", root / "done"};
    for (const fs::path& path : {spool.waiting, spool.claimed, spool.done})
        fs::create_directories(path);
    return spool;
}

std::vector<std::string> names_in(const fs::path& directory) {
    std::vector<std::string> names;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
        const std::string name = entry.path().filename().string();
        if (entry.is_regular_file() && !name.starts_with('.')) names.push_back(name);
    }
    return names;
}

std::string work_on(const Spool& spool, const std::string& name) {
    std::ifstream file(spool.claimed / name, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file) throw std::runtime_error("cannot read " + name);
    std::uint32_t checksum = 1;
    for (const char letter : text) checksum = checksum * 31 + static_cast<unsigned char>(letter);
    std::istringstream words(text);
    const auto count = std::distance(std::istream_iterator<std::string>(words), {});
    std::ostringstream result;
    result << count << " words, checksum " << std::hex << checksum << "\n";

    // Written beside and moved into its place: nobody sees half a result.
    const fs::path hidden = spool.done / ("." + name);
    std::ofstream(hidden) << result.str();
    fs::rename(hidden, spool.done / name);
    fs::remove(spool.claimed / name);
    return result.str();
}

// Moves what is new to the claimed, and says which. Only one task looks, so nothing is claimed
// twice.
std::vector<std::string> claim(const Spool& spool) {
    std::vector<std::string> names = names_in(spool.waiting);
    for (const std::string& name : names) fs::rename(spool.waiting / name, spool.claimed / name);
    return names;
}

core::Task<> look_for_jobs(core::PluginContext& context, const Spool& spool,
                           core::Channel<std::string>& jobs) {
    // What an earlier run had claimed and not finished comes first.
    std::vector<std::string> names =
        co_await core::blocking([&spool] { return names_in(spool.claimed); });
    while (!context.stop_token().stop_requested()) {
        for (std::string& name : names) jobs.post(std::move(name));
        co_await core::sleep_for(std::chrono::milliseconds(100));
        names = co_await core::blocking([&spool] { return claim(spool); });
    }
}

core::Task<> work(core::PluginContext& context, const Spool& spool,
                  core::Channel<std::string>& jobs) {
    for (;;) {
        auto job = co_await jobs.receive();
        if (!job) co_return;
        const std::string& name = *job.value;
        try {
            const std::string result =
                co_await core::blocking([&spool, &name] { return work_on(spool, name); });
            context.log(core::LogLevel::info, name + ": " + result);
        } catch (const std::exception& error) {
            // One bad job must not stop the others. It stays claimed, for the next start.
            context.log(core::LogLevel::error, name + ": " + error.what());
        }
    }
}

core::Task<int> run(core::PluginContext& context) {
    const auto args = context.args();
    if (args.empty()) throw std::runtime_error("PLUGIN_ARGS must name the spool's directory");
    const fs::path root = args[0];
    const int workers = args.size() > 1 ? std::atoi(args[1].c_str()) : 4;
    const Spool spool = co_await core::blocking([&root] { return open_spool(root); });

    core::Channel<std::string> jobs;
    core::TaskGroup group;
    for (int i = 0; i < workers; ++i)
        group.spawn(work(context, spool, jobs), {.name = "queue worker"});
    context.ready();
    context.log(core::LogLevel::info, "waits for jobs in " + spool.waiting.string());
    std::exception_ptr failure;
    try {
        co_await look_for_jobs(context, spool, jobs);
    } catch (const core::Cancelled&) {
        context.log(core::LogLevel::info, "stops; jobs to finish: " + std::to_string(jobs.size()) +
                                              " and what is at work");
    } catch (...) {
        failure = std::current_exception();
    }
    // The workers end once the channel is empty. Waiting for that is the clean-up of a task that is
    // cancelled, so it needs a shield.
    jobs.close();
    {
        core::Shield shield;
        co_await group.wait();
    }
    if (failure) std::rethrow_exception(failure);
    co_return 0;
}

}  // namespace

PILOTFISH_PLUGIN("queue", run)
