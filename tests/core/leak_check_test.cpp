#include "core/leak_check.h"

#include "core/channel.h"
#include "core/sleep.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

class LeakCheck : public LeakFree {};

Task<> waits(Channel<int>& never) { (void)co_await never.receive(); }
Task<> dozes() { co_await sleep_for(std::chrono::hours(1)); }
Task<> short_nap() { co_await sleep_for(std::chrono::milliseconds(1)); }

Task<> leaves_behind(Channel<int>& never) {
    for (int i = 0; i < 3; ++i) spawn(waits(never)).detach();
    spawn(dozes()).detach();
    spawn(short_nap()).detach();
    co_return;
}

Task<> tidy() {
    spawn(short_nap()).detach();
    co_return;
}

Task<int> finds() {
    Channel<int> never;
    spawn(waits(never)).detach();
    co_await yield();
    std::vector<runtime::Leak> leaks =
        co_await runtime::leak_check(leaves_behind(never), std::chrono::milliseconds(50));
    EXPECT_EQ(leaks.size(), 2U);
    if (leaks.size() != 2) co_return 1;
    EXPECT_EQ(leaks[0].before, 1U);
    EXPECT_EQ(leaks[0].grown_by(), 3U);
    EXPECT_TRUE(leaks[0].text().starts_with("3 tasks more (4 now) at\n#\t0x")) << leaks[0].text();
    EXPECT_NE(leaks[0].text().find("waits"), std::string::npos);
    EXPECT_EQ(leaks[1].grown_by(), 1U);
    EXPECT_NE(leaks[1].text().find("dozes"), std::string::npos);
    never.close();
    co_return 0;
}

TEST_F(LeakCheck, NamesTheStacksThatGrewTheGreatestFirst) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(finds()), 0);
}

Task<int> has_patience() {
    std::vector<runtime::Leak> leaks = co_await runtime::leak_check(tidy(), std::chrono::hours(1));
    EXPECT_TRUE(leaks.empty());
    co_return 0;
}

TEST_F(LeakCheck, WaitsForWhatIsOnlySlow) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(has_patience()), 0);
}

Task<> throws() {
    throw std::runtime_error("work");
    co_return;
}

Task<int> passes_on() {
    EXPECT_THROW((void)co_await runtime::leak_check(throws()), std::runtime_error);
    co_return 0;
}

TEST_F(LeakCheck, PassesTheErrorOfTheWorkOn) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(passes_on()), 0);
}

}  // namespace
}  // namespace pilotfish::core
