#include "daemon/reload.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

namespace pilotfish::daemon {
namespace {

core::Result<config::Configuration> configured(const std::string& file) {
    static const char* const environ[] = {"PILOTFISH_CONFIG=/p.json", nullptr};
    const config::Invocation run{.action = config::Action::run};
    return config::load(environ, run,
                        [&](const std::string&) -> core::Result<std::string> { return file; });
}

constexpr const char* kWeb = R"({"workers":{"web":{"command":"x"}}})";

class ReloadTest : public testing::Test {
  protected:
    EventLog events_{0};
    CurrentConfiguration configuration_{*configured(kWeb)};
    std::string file_ = kWeb;
    bool shutting_down_ = false;
    int applied_ = 0;
    Reload reload_{{.configuration = configuration_,
                    .events = events_,
                    .rules = {},
                    .load = [this] { return configured(file_); },
                    .shutting_down = [this] { return shutting_down_; },
                    .apply =
                        [this](const config::Difference&, const config::Configuration& now) {
                            EXPECT_EQ(&now, configuration_.get().get()) << "it is the current one";
                            ++applied_;
                        }}};
};

TEST_F(ReloadTest, AppliesWhatIsDifferentOnce) {
    file_ = R"({"workers":{"web":{"command":"y"},"db":{"command":"z"}}})";
    const auto first = reload_.run(false);
    ASSERT_TRUE(first.ok()) << first.error().message;
    EXPECT_EQ(first->added, config::Names{"db"});
    EXPECT_EQ(applied_, 1);
    EXPECT_NE(configuration_.get()->find_worker("db"), nullptr);
    const auto again = reload_.run(false);
    ASSERT_TRUE(again.ok());
    EXPECT_TRUE(again->changes_nothing());
    EXPECT_EQ(applied_, 1);
    const auto told = events_.after(0, 10);
    ASSERT_EQ(told.events.size(), 2u);
    EXPECT_EQ(told.events[0].kind, "reload");
}

TEST_F(ReloadTest, ADryRunOnlyTells) {
    file_ = R"({"workers":{"db":{"command":"z"}}})";
    const auto told = reload_.run(true);
    ASSERT_TRUE(told.ok());
    EXPECT_EQ(told->removed, config::Names{"web"});
    EXPECT_EQ(applied_, 0);
    EXPECT_EQ(configuration_.get()->find_worker("db"), nullptr);
    EXPECT_TRUE(events_.after(0, 10).events.empty());
}

TEST_F(ReloadTest, AFaultyOneChangesNothing) {
    const auto before = configuration_.get();
    file_ = R"({"stop_timeout":"9s","workers":{"web":{"restart":"x"}}})";
    const auto refused = reload_.run(false);
    ASSERT_FALSE(refused.ok());
    EXPECT_TRUE(refused.error().message.starts_with("cannot reload, nothing was changed: "));
    EXPECT_NE(refused.error().message.find("workers.web.restart"), std::string::npos);
    EXPECT_EQ(configuration_.get(), before);
    EXPECT_EQ(applied_, 0);
}

TEST_F(ReloadTest, IsRefusedWhileTheContainerStops) {
    shutting_down_ = true;
    file_ = "{}";
    const auto refused = reload_.run(false);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().message, "cannot reload: the container is being stopped");
    EXPECT_EQ(applied_, 0);
}

TEST_F(ReloadTest, TwoAtOnceComeOneAfterAnother) {
    file_ = R"({"workers":{"db":{"command":"z"}}})";
    std::vector<std::thread> callers;
    for (int i = 0; i < 4; ++i)
        callers.emplace_back([this] { EXPECT_TRUE(reload_.run(false).ok()); });
    for (std::thread& caller : callers) caller.join();
    EXPECT_EQ(applied_, 1) << "the others found nothing to do";
}

}  // namespace
}  // namespace pilotfish::daemon
