#include "daemon/event_log.h"

#include <gtest/gtest.h>

#include <thread>

namespace pilotfish::daemon {
namespace {

std::string texts(const EventLog::Batch& batch) {
    std::string all;
    for (const http::EventView& event : batch.events)
        all += std::to_string(event.id) + "=" + event.text + " ";
    return all;
}

TEST(EventLog, NumbersWhatItIsTold) {
    EventLog log(0);
    log.record("worker", "web", "a", {{"state", "ready"}});
    log.record("limits", {}, "b");
    log.record("oom", "web", "c");
    EXPECT_EQ(texts(log.after(0, 10)), "1=a 2=b 3=c ");
    EXPECT_EQ(texts(log.after(1, 1)), "2=b ");
    EXPECT_EQ(log.after(1, 1).last, 2u);
    EXPECT_EQ(texts(log.after(3, 10)), "");
    EXPECT_EQ(log.after(3, 10).last, 3u);
    const http::EventView first = log.after(0, 1).events.front();
    EXPECT_EQ(first.worker, "web");
    EXPECT_EQ(first.kind, "worker");
    EXPECT_EQ(first.fields, (EventLog::Fields{{"state", "ready"}}));
    EXPECT_EQ(first.time.size(), std::string_view("2026-11-23T12:00:00.123Z").size());
}

TEST(EventLog, ForgetsTheOldestAndSaysHowManyAReaderMissed) {
    EventLog log(0);
    for (std::size_t i = 0; i < EventLog::kKept + 5; ++i) log.record("worker", "web", "x");
    EventLog::Batch batch = log.after(2, 1);
    EXPECT_EQ(batch.missed, 3u);
    EXPECT_EQ(batch.events.front().id, 6u);
    EXPECT_EQ(log.after(0, 1).missed, 5u);
    EXPECT_EQ(log.after(5, 1).missed, 0u);
}

TEST(EventLog, GivesAReaderOfAnEarlierLifeEverything) {
    EventLog log(1000);
    log.record("worker", "web", "a");
    EXPECT_EQ(texts(log.after(0, 10)), "1001=a ");
    EXPECT_EQ(texts(log.after(99, 10)), "1001=a ") << "an id of the life before";
    EXPECT_EQ(texts(log.after(2000, 10)), "1001=a ") << "an id that never was";
    EXPECT_EQ(log.after(99, 10).missed, 0u);
    EXPECT_EQ(texts(log.after(1001, 10)), "");
    EXPECT_GT(EventLog::base_now(), std::uint64_t{1} << 50);
    EXPECT_LT(EventLog::base_now(), std::uint64_t{1} << 53);
}

TEST(EventLog, WakesWhoFollowsAsLongAsTheyDo) {
    EventLog log(0);
    int woken = 0;
    auto subscription = log.subscribe([&] {
        ++woken;
        EXPECT_GE(log.after(0, 10).events.size(), 1u);  // the lock is free
    });
    log.record("worker", "web", "a");
    EXPECT_EQ(woken, 1);
    subscription.reset();
    log.record("worker", "web", "b");
    EXPECT_EQ(woken, 1);
}

TEST(EventLog, KeepsCountUnderManyThreads) {
    EventLog log(0);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 500; ++n) {
                log.record("worker", "web", "x");
                const auto kept = log.subscribe([] {});
                EXPECT_GE(log.after(0, 5).last, 1u);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(log.after(2000, 1).last, 2000u);
    EXPECT_EQ(log.after(1999, 5).events.size(), 1u);
}

TEST(EventLog, GoesOnInTheNextImage) {
    EventLog before(100);
    before.record("worker", "web", "a", {{"state", "ready"}});
    before.record("limits", {}, "b");
    Handover handover;
    before.save(handover);
    EventLog after(5000);
    after.adopt(handover);
    after.record("oom", "web", "c");
    EXPECT_EQ(texts(after.after(101, 10)), "102=b 103=c ") << "a reader comes back to where it was";
    EXPECT_EQ(after.after(101, 10).missed, 0u);
    EXPECT_EQ(after.after(100, 1).events.front().fields, (EventLog::Fields{{"state", "ready"}}));
}

TEST(EventLog, BeginsAnewWhereNothingWasHandedOver) {
    EventLog log(5000);
    Handover broken;
    broken.event_last = 1;
    broken.events.resize(2);
    log.adopt(broken);
    log.record("oom", "web", "c");
    EXPECT_EQ(texts(log.after(5000, 10)), "5001=c ");
}

}  // namespace
}  // namespace pilotfish::daemon
