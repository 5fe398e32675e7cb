#include "config/signal_name.h"

#include <gtest/gtest.h>

#include <csignal>

namespace pilotfish::config {
namespace {

TEST(SignalText, IsANameWithOrWithoutSigOrANumber) {
    const std::pair<const char*, int> cases[] = {{"TERM", SIGTERM},
                                                 {"SIGTERM", SIGTERM},
                                                 {"15", 15},
                                                 {"KILL", SIGKILL},
                                                 {"WINCH", SIGWINCH},
                                                 {"POLL", SIGIO},
                                                 {"RTMIN", SIGRTMIN},
                                                 {"SIGRTMIN+3", SIGRTMIN + 3},
                                                 {"RTMAX", SIGRTMAX},
                                                 {"RTMAX-1", SIGRTMAX - 1},
                                                 {"1", 1},
                                                 {"64", 64}};
    for (const auto& [text, number] : cases) {
        Signal value;
        std::string why;
        EXPECT_TRUE(parse_signal(text, value, why)) << text;
        EXPECT_EQ(value.number, number) << text;
    }
}

TEST(SignalText, RefusesWhatIsNoSignalAndLeavesTheValue) {
    for (const char* text :
         {"", "SIG", "term", "SIGSIGTERM", "0", "65", "-15", "15 ", "RTMIN-1", "RTMAX+1",
          "RTMIN+99", "RTMIN+", "RTMIN+x", "TERMX", "99999999999999999999"}) {
        Signal value{7};
        std::string why;
        EXPECT_FALSE(parse_signal(text, value, why)) << text;
        EXPECT_EQ(value.number, 7) << text;
    }
}

TEST(SignalText, NamesEverySignalSoThatItReadsBack) {
    EXPECT_EQ(format_signal({SIGTERM}), "SIGTERM");
    EXPECT_EQ(format_signal({SIGIO}), "SIGIO");
    EXPECT_EQ(format_signal({SIGRTMIN + 3}), "SIGRTMIN+3");
    for (int number = 1; number <= SIGRTMAX; ++number) {
        Signal value;
        std::string why;
        EXPECT_TRUE(parse_signal(format_signal({number}), value, why)) << number;
        EXPECT_EQ(value.number, number);
    }
}

}  // namespace
}  // namespace pilotfish::config
