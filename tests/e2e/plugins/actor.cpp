// Plays what a test asks for, word by word in PLUGIN_ARGS: "ready", "log TEXT", "warn TEXT",
// "return N", "throw TEXT", "throw-int", "goexit", "sleep MS", "wait" (for the end), "linger MS"
// (at the end), "deaf" (to it), "spin"
// (for ever), "child MS" (a task that outlives it), "library" (what the C++
// library shares with the executable).
#include <pilotfish/plugin.h>

#include <chrono>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <mutex>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>

namespace {

using namespace pilotfish;
using std::chrono::milliseconds;

class Tantrum : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

core::Task<> sleep_shielded(int ms) {
    core::Shield shield;
    co_await core::sleep_for(milliseconds(ms));
}

core::Task<> wait_for_the_end(core::PluginContext& context, int linger_ms) {
    bool told = false;
    try {
        co_await core::sleep_for(std::chrono::hours(1));
    } catch (const core::Cancelled&) {
        told = true;
    }
    if (!told) co_return;
    context.log(core::LogLevel::info,
                context.stop_token().stop_requested() ? "told, both ways" : "told, one way");
    if (linger_ms > 0) co_await sleep_shielded(linger_ms);
    context.log(core::LogLevel::info, "done");
}

core::Task<> stay_deaf() {
    core::Shield shield;
    for (;;) co_await core::sleep_for(std::chrono::hours(1));
}

[[noreturn]] void spin() {
    volatile unsigned long turns = 0;
    for (;;) turns = turns + 1;
}

core::Task<> child(core::PluginContext& context, int ms) {
    co_await sleep_shielded(ms);
    context.log(core::LogLevel::info, "the child is done");
    std::fputs("the child has told\n", stderr);
}

core::Task<int> fail_in_a_child() {
    co_await core::yield();
    throw Tantrum("from another task");
}

// Each of these breaks where the plugin and the executable have a C++ library each.
core::Task<std::string> check_library() {
    // Thrown in one task, carried by the executable's exception_ptr, caught here by a base.
    std::string caught;
    try {
        co_await core::spawn(fail_in_a_child());
    } catch (const std::runtime_error& error) {
        if (dynamic_cast<const Tantrum*>(&error) != nullptr) caught = error.what();
    }
    if (caught != "from another task") co_return "no exception came through";
    if (std::uncaught_exceptions() != 0) co_return "an exception is counted as under way";
    // Thrown by the executable's own code.
    auto refused = core::AsyncFd::adopt(-1);
    if (refused) co_return "a bad descriptor was adopted";
    // Singletons that are told apart by their address.
    const std::error_code code(ENOENT, std::system_category());
    if (code.default_error_condition() != std::errc::no_such_file_or_directory)
        co_return "two error categories";
    std::once_flag once;
    int calls = 0;
    for (int i = 0; i < 2; ++i) std::call_once(once, [&calls] { ++calls; });
    if (calls != 1) co_return "call_once called " + std::to_string(calls) + " times";
    // What the executable hardly has, and the plugin brings with it.
    std::ostringstream text;
    text.imbue(std::locale::classic());
    text << std::hex << 255 << ' ' << 1.5;
    if (!std::regex_match(text.str(), std::regex("ff 1[.]5"))) co_return "streams: " + text.str();
    std::string blocked = co_await core::blocking([] { return std::string(100, 'x'); });
    if (blocked.size() != 100) co_return "blocking()";
    co_return "one library";
}

core::Task<int> act(core::PluginContext& context) {
    const auto words = context.args();
    for (std::size_t at = 0; at < words.size(); ++at) {
        const std::string& word = words[at];
        const std::string operand = at + 1 < words.size() ? words[at + 1] : "";
        const int number = std::atoi(operand.c_str());
        if (word == "ready") context.ready();
        if (word == "log") context.log(core::LogLevel::info, operand);
        if (word == "warn") context.log(core::LogLevel::warn, operand);
        if (word == "return") co_return number;
        if (word == "throw") throw Tantrum(operand);
        if (word == "throw-int") throw 7;
        if (word == "goexit") core::goexit();
        if (word == "sleep") co_await core::sleep_for(milliseconds(number));
        if (word == "wait") co_await wait_for_the_end(context, 0);
        if (word == "linger") co_await wait_for_the_end(context, number);
        if (word == "deaf") co_await stay_deaf();
        if (word == "spin") spin();
        if (word == "child") core::spawn(child(context, number), {.name = "child"}).detach();
        if (word == "library") {
            const std::string verdict = co_await check_library();
            context.log(core::LogLevel::info, verdict);
        }
    }
    co_return 0;
}

}  // namespace

PILOTFISH_PLUGIN("actor", act)
