#include "daemon/notify_message.h"

#include <gtest/gtest.h>

namespace pilotfish::daemon {
namespace {

using namespace std::chrono_literals;

TEST(NotifyMessage, TakesSeveralLinesOfADatagram) {
    const NotifyMessage message = parse_notify_message(
        "READY=1\nSTATUS=serving on :80\nMAINPID=71\nWATCHDOG=1\nWATCHDOG_USEC=2500000\n"
        "EXTEND_TIMEOUT_USEC=30\nERRNO=2\nFDNAME=unknown to us\n");
    EXPECT_TRUE(message.ready);
    EXPECT_TRUE(message.keep_alive);
    EXPECT_FALSE(message.gives_up);
    EXPECT_EQ(message.status, "serving on :80");
    EXPECT_EQ(message.main_pid, 71);
    EXPECT_EQ(message.watchdog, 2500ms);
    EXPECT_EQ(message.extend_timeout, 30us);
    EXPECT_EQ(message.error_number, 2);
    EXPECT_EQ(message.refused, "");
}

TEST(NotifyMessage, KnowsReloadStopBarrierAndTrigger) {
    EXPECT_TRUE(parse_notify_message("RELOADING=1").reloading);
    EXPECT_TRUE(parse_notify_message("STOPPING=1\n").stopping);
    EXPECT_TRUE(parse_notify_message("BARRIER=1").barrier);
    EXPECT_TRUE(parse_notify_message("WATCHDOG=trigger").gives_up);
    EXPECT_TRUE(parse_notify_message(std::string_view("READY=1\0", 8)).ready);
    EXPECT_FALSE(parse_notify_message("READY=0").ready);
    EXPECT_FALSE(parse_notify_message("").ready);
}

TEST(NotifyMessage, LeavesOutWhatItCannotUnderstandAndSaysSo) {
    for (const std::string line :
         {"READY=yes", "READY", "WATCHDOG=0", "WATCHDOG_USEC=-1", "WATCHDOG_USEC=1s", "MAINPID=0",
          "MAINPID=99999999999", "ERRNO=", "EXTEND_TIMEOUT_USEC=99999999999999999"}) {
        const NotifyMessage message = parse_notify_message("STATUS=kept\n" + line);
        EXPECT_EQ(message.refused, line);
        EXPECT_EQ(message.status, "kept");
        EXPECT_FALSE(message.ready || message.keep_alive || message.watchdog || message.main_pid);
    }
    const NotifyMessage nul = parse_notify_message(std::string_view("READY=1\0\nSTATUS=x", 17));
    EXPECT_NE(nul.refused, "");
    EXPECT_FALSE(nul.ready);
}

TEST(NotifyMessage, MakesItsStatusALineThatCanBeShown) {
    EXPECT_EQ(parse_notify_message("STATUS=a\tb\x1b[31m\xff\xc3\xa4").status, "a?b?[31m?\xc3\xa4");
    const std::string umlauts = parse_notify_message("STATUS=x" +
                                                     [] {
                                                         std::string text;
                                                         for (int i = 0; i < 200; ++i)
                                                             text += "\xc3\xa4";
                                                         return text;
                                                     }())
                                    .status.value();
    EXPECT_EQ(umlauts.size(), kMostStatusBytes - 1) << "cut between characters";
    EXPECT_EQ(printable("\xe2\x82", 10), "??");
    EXPECT_EQ(printable("\xc2\x9b", 10), "??") << "a control character of C1";
    EXPECT_EQ(printable("\xed\xa0\x80", 10), "???") << "half of a pair is no character";
}

}  // namespace
}  // namespace pilotfish::daemon
