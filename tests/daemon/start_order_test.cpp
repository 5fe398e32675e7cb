#include "daemon/start_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <string>

namespace pilotfish::daemon {
namespace {

constexpr Standing kWaits{.waits = true};
constexpr Standing kStarted{.has_started = true};
constexpr Standing kReady{.has_started = true, .is_ready = true};
constexpr Standing kDone{.is_ready = true, .is_over = true};
constexpr Standing kFailed{.has_started = true, .is_lost = true, .is_over = true};
constexpr Standing kStopped{.has_started = true, .is_over = true};

struct Declared {
    std::string name;
    config::Names after = {};
    config::Names needs = {};
};

class Order {
  public:
    explicit Order(const std::vector<Declared>& declared) {
        std::vector<const config::WorkerSettings*> pointers;
        for (const Declared& each : declared) {
            auto settings = std::make_unique<config::WorkerSettings>();
            settings->name = each.name;
            settings->after = each.after;
            settings->needs = each.needs;
            pointers.push_back(settings.get());
            settings_.push_back(std::move(settings));
        }
        order_.emplace(pointers);
        for (std::size_t at = 0; at < settings_.size(); ++at) order_->note(at, kWaits);
    }

    void note(const std::string& name, const Standing& now) { order_->note(place(name), now); }

    std::string free() {
        std::string names;
        while (const auto next = order_->take_free()) names += settings_[*next]->name + " ";
        return names;
    }
    std::string in_vain() {
        std::string names;
        while (const auto next = order_->take_in_vain())
            names += settings_[next->worker]->name + "<-" + settings_[next->need]->name + " ";
        return names;
    }
    std::string stoppable() {
        std::string names;
        while (const auto next = order_->take_stoppable()) names += settings_[*next]->name + " ";
        return names;
    }
    StartOrder& operator*() { return *order_; }

  private:
    std::size_t place(const std::string& name) const {
        for (std::size_t at = 0; at < settings_.size(); ++at)
            if (settings_[at]->name == name) return at;
        ADD_FAILURE() << name;
        return 0;
    }
    std::vector<std::unique_ptr<config::WorkerSettings>> settings_;
    std::optional<StartOrder> order_;
};

TEST(StartOrder, WhoWaitsForNobodyStartsAtOnceAndOnce) {
    Order order({{"a"}, {"b"}});
    EXPECT_EQ(order.free(), "a b ");
    EXPECT_EQ(order.free(), "");
}

TEST(StartOrder, AfterWaitsForTheStartAndNeedsForReadiness) {
    Order order({{"db"}, {"after", {"db"}}, {"needs", {}, {"db"}}});
    EXPECT_EQ(order.free(), "db ");
    order.note("db", kStarted);
    EXPECT_EQ(order.free(), "after ");
    order.note("db", kReady);
    EXPECT_EQ(order.free(), "needs ");
}

TEST(StartOrder, ANeedThatIsNoLongerReadyHoldsBackAgain) {
    Order order({{"db"}, {"cache"}, {"web", {}, {"db", "cache"}}});
    order.free();
    order.note("db", kReady);
    order.note("db", kStarted);
    order.note("cache", kReady);
    EXPECT_EQ(order.free(), "");
    order.note("db", kReady);
    EXPECT_EQ(order.free(), "web ");
}

TEST(StartOrder, ReadinessThatIsLostBeforeItWasUsedDoesNotCount) {
    Order order({{"db"}, {"web", {}, {"db"}}});
    order.free();
    order.note("db", kReady);
    order.note("db", kStarted);
    EXPECT_EQ(order.free(), "");
    order.note("db", kReady);
    EXPECT_EQ(order.free(), "web ");
}

TEST(StartOrder, AnEndLetsThoseAfterItGoAndFailsThoseThatNeedIt) {
    Order order({{"db"}, {"after", {"db"}}, {"needs", {}, {"db"}}});
    order.free();
    order.note("db", kFailed);
    EXPECT_EQ(order.free(), "after ");
    EXPECT_EQ(order.in_vain(), "needs<-db ");
    EXPECT_EQ(order.in_vain(), "");
}

TEST(StartOrder, AFailureGoesDownTheChain) {
    Order order({{"a"}, {"b", {}, {"a"}}, {"c", {}, {"b"}}});
    order.free();
    order.note("a", kFailed);
    EXPECT_EQ(order.in_vain(), "b<-a ");
    order.note("b", {.is_lost = true, .is_over = true});
    EXPECT_EQ(order.in_vain(), "c<-b ");
}

TEST(StartOrder, AOneshotThatIsDoneIsReadyForGood) {
    Order order({{"migrate"}, {"web", {}, {"migrate"}}});
    order.free();
    order.note("migrate", kDone);
    EXPECT_EQ(order.free(), "web ");
    EXPECT_EQ(order.in_vain(), "");
}

TEST(StartOrder, WhoIsStartedAgainWaitsForItsTurnAgain) {
    Order order({{"db"}, {"web", {}, {"db"}}});
    order.free();
    order.note("db", kFailed);
    EXPECT_EQ(order.in_vain(), "web<-db ");
    order.note("web", {.is_lost = true, .is_over = true});
    order.note("db", kWaits);
    order.note("web", kWaits);
    EXPECT_EQ(order.free(), "db ");
    EXPECT_EQ(order.in_vain(), "");
    order.note("db", kReady);
    EXPECT_EQ(order.free(), "web ");
}

TEST(StartOrder, WhoWaitsAgainIsOfferedAgainEvenIfNothingElseWasSeenOfIt) {
    // All the news between came as one: it was started, ended, and is wanted again.
    Order order({{"a"}});
    EXPECT_EQ(order.free(), "a ");
    order.note("a", kWaits);
    EXPECT_EQ(order.free(), "a ");
}

TEST(StartOrder, ANeedThatAUserStoppedIsWaitedFor) {
    Order order({{"db"}, {"web", {}, {"db"}}});
    order.free();
    order.note("db", kStopped);
    EXPECT_EQ(order.in_vain(), "");
    EXPECT_EQ(order.free(), "");
}

TEST(StartOrder, AllInstancesAreMeant) {
    Order order({{"db@1"}, {"db@2"}, {"web@1", {}, {"db"}}, {"web@2", {}, {"db"}}});
    EXPECT_EQ(order.free(), "db@1 db@2 ");
    order.note("db@1", kReady);
    EXPECT_EQ(order.free(), "");
    order.note("db@2", kReady);
    EXPECT_EQ(order.free(), "web@1 web@2 ");
}

TEST(StartOrder, StopsInReverse) {
    Order order({{"db"}, {"cache", {"db"}}, {"web", {"cache"}, {"db"}}, {"alone"}});
    EXPECT_EQ(order.stoppable(), "web alone ");
    order.note("cache", kStopped);
    EXPECT_EQ(order.stoppable(), "");
    order.note("web", kStopped);
    EXPECT_EQ(order.stoppable(), "cache db ");
    EXPECT_EQ(order.stoppable(), "");
}

// The counts against the definition, over many random lives.
TEST(StartOrder, AgreesWithTheDefinitionWhateverHappens) {
    const Standing kAll[] = {kWaits, kStarted, kReady, kDone, kFailed, kStopped};
    for (unsigned seed = 1; seed <= 200; ++seed) {
        std::mt19937 random(seed);
        std::vector<Declared> declared;
        for (std::size_t at = 0; at < 8; ++at) {
            Declared one{std::string(1, static_cast<char>('a' + at))};
            for (std::size_t other = 0; other < at; ++other) {
                const std::string name(1, static_cast<char>('a' + other));
                if (random() % 4 == 0) one.after.push_back(name);
                if (random() % 4 == 0) one.needs.push_back(name);
            }
            declared.push_back(one);
        }
        Order order(declared);
        std::vector<Standing> standings(declared.size(), kWaits);
        for (int step = 0; step < 100; ++step) {
            std::set<std::size_t> free;
            while (const auto next = (*order).take_free()) free.insert(*next);
            std::set<std::size_t> expected;
            for (std::size_t at = 0; at < declared.size(); ++at) {
                const auto all = [&](const config::Names& names, auto fits) {
                    return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
                        return fits(standings[static_cast<std::size_t>(name[0] - 'a')]);
                    });
                };
                if (standings[at].waits &&
                    all(declared[at].after,
                        [](const Standing& s) { return s.has_started || s.is_over; }) &&
                    all(declared[at].needs, [](const Standing& s) { return s.is_ready; }))
                    expected.insert(at);
            }
            ASSERT_EQ(free, expected) << "seed " << seed << " step " << step;
            for (const std::size_t at : free) {
                standings[at] = kStarted;
                (*order).note(at, kStarted);
            }
            const std::size_t at = random() % declared.size();
            standings[at] = kAll[random() % std::size(kAll)];
            (*order).note(at, standings[at]);
        }
    }
}

}  // namespace
}  // namespace pilotfish::daemon
