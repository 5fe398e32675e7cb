// A plugin: a shared object whose task pilotfish hosts as a worker, beside the processes it
// supervises.
//
//     #include <pilotfish/plugin.h>
//     using namespace pilotfish;
//
//     core::Task<int> serve(core::PluginContext& context) {
//         context.ready();
//         for (;;) {
//             context.log(core::LogLevel::info, "still here");
//             co_await core::sleep_for(std::chrono::seconds(1));
//         }
//     }
//     PILOTFISH_PLUGIN("ticker", serve)
//
// Its life is a process worker's: it is started, restarted by its policy, stopped, shown. What it
// returns is its exit code (0 to 255; anything else counts as 255). An exception that leaves it
// ends this run of the worker, with code 1, and not the daemon; one that leaves a task it spawned
// and nobody joins ends the process, as everywhere. It runs on the daemon's own processors: what
// computes for long or blocks its thread belongs into blocking(), or it holds up the supervision of
// everybody else.
//
// The stop: the worker's task is cancelled (core/cancel.h) and stop_token() is set. Tasks that it
// spawned should be in a TaskGroup of its own, which ends them with it; those it leaves behind hear
// of the end by the token. Whatever has not ended when STOP_TIMEOUT is over cannot be killed: it is
// named in the log, counted, and left behind.
//
// The file is loaded once and never unloaded: a restart runs the coroutine again, with the file's
// global variables as the run before left them. Build it with pilotfish_add_plugin() of the
// installed CMake package: the runtime and the C++ library are the executable's.
//
// Thread-safety: the context, any thread. Ownership: the context outlives the coroutine and
// what it spawned, for as long as these are waited for. Blocks: nothing. Fails: a plugin built for
// another ABI (core/plugin_abi.h) is refused before its coroutine is called. By then the
// constructors of its global variables have run, as at the loading of any shared object: let them
// use nothing of core.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "core/log.h"
#include "core/plugin_abi.h"
#include "core/sleep.h"
#include "core/task.h"

namespace pilotfish::core {

// The worker as the plugin sees it.
class PluginContext {
  public:
    // As declared: "web"; instance counts from 1.
    virtual std::string_view worker() const noexcept = 0;
    virtual int instance() const noexcept = 0;
    // PLUGIN_ARGS, split as a COMMAND is; no program's name before them.
    virtual std::span<const std::string> args() const noexcept = 0;

    // It serves: until then the worker is running and not ready, and /readyz waits for it. Later
    // calls do nothing.
    virtual void ready() noexcept = 0;
    // Into the worker's log, as its LOG setting says; warnings and errors as standard error,
    // the rest as standard output. Lines below PILOTFISH_LOG_LEVEL are left out.
    virtual void log(LogLevel level, std::string_view line) noexcept = 0;
    // Set when the worker is to stop.
    virtual std::stop_token stop_token() const noexcept = 0;

  protected:
    ~PluginContext() = default;
};

}  // namespace pilotfish::core

extern "C" {

// What the executable reads of a plugin. Grows at its end only.
struct pilotfish_plugin {
    std::uint32_t size_bytes;  // of this structure
    std::uint32_t version;     // 1
    std::uint64_t abi_hash;    // pilotfish::core::plugin_abi_hash()
    const char* abi_words;
    const char* name;
    pilotfish::core::Task<int> (*run)(pilotfish::core::PluginContext& context);
};

// Every plugin has this one function; PILOTFISH_PLUGIN writes it.
const pilotfish_plugin* pilotfish_plugin_v1();
}

// Once, in one file of the plugin, outside of every namespace.
#define PILOTFISH_PLUGIN(plugin_name, coroutine)                                               \
    extern "C" __attribute__((visibility("default"))) const pilotfish_plugin*                  \
    pilotfish_plugin_v1() {                                                                    \
        static constexpr pilotfish_plugin descriptor = {                                       \
            sizeof(pilotfish_plugin),         1,           pilotfish::core::plugin_abi_hash(), \
            pilotfish::core::kPluginAbiWords, plugin_name, &coroutine};                        \
        return &descriptor;                                                                    \
    }
