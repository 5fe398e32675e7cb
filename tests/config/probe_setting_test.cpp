#include "config/probe_setting.h"

#include <gtest/gtest.h>

namespace pilotfish::config {
namespace {

std::string ready_again(const std::string& text) {
    ReadySetting value;
    std::string why;
    if (!parse_ready(text, value, why)) return "refused: " + why;
    return format_ready(value);
}

TEST(ReadyText, ReadsBackToItself) {
    for (const std::string text :
         {"none", "notify", "fd:3", "fd:1023", "tcp:127.0.0.1:80", "tcp:[::1]:8080",
          "tcp:localhost:1", "http://127.0.0.1:80/", "http://[::1]:81/ready?deep=1",
          "exec:pg_isready -q", "log:listening on .*:8080$"}) {
        EXPECT_EQ(ready_again(text), text);
    }
    EXPECT_EQ(ready_again("http://127.0.0.1"), "http://127.0.0.1:80/");
    EXPECT_EQ(ready_again("http://[::1]?x"), "http://[::1]:80/?x");
    EXPECT_EQ(ready_again(R"(exec:["a","b c"])"), "exec:a 'b c'");
}

TEST(ReadyText, SaysWhatIsWrong) {
    struct Case {
        std::string text;
        std::string part;
    };
    for (const Case& each :
         std::initializer_list<Case>{{"fd:2", "from 3 to 1023"},
                                     {"fd:", "from 3 to 1023"},
                                     {"fd:1024", "from 3 to 1023"},
                                     {"tcp:8080", "needs an address and a port"},
                                     {"tcp::8080", "needs an address and a port"},
                                     {"tcp:db:5432", "not looked up"},
                                     {"tcp:127.0.0.1:0", "no port"},
                                     {"https://127.0.0.1/", "no need of"},
                                     {"http://user@127.0.0.1/", "a user"},
                                     {"http://127.0.0.1/a b", "%XX"},
                                     {"http://127.0.0.1/#top", "%XX"},
                                     {"http://", "needs an address and a port"},
                                     {"log:", "empty pattern"},
                                     {"log:(", "no regular expression"},
                                     {"log:(a)\\1", "refers back"}}) {
        ReadySetting value;
        std::string why;
        EXPECT_FALSE(parse_ready(each.text, value, why)) << each.text;
        EXPECT_NE(why.find(each.part), std::string::npos) << each.text << ": " << why;
        EXPECT_EQ(value, ReadySetting{}) << "a refused text must leave the value alone";
    }
    for (const std::string text : {"", "yes", "udp:127.0.0.1:5", "Notify"})
        EXPECT_EQ(ready_again(text), "refused: ") << "naming the accepted forms says it all";
}

TEST(LivenessText, IsAProbeThatAsks) {
    LivenessSetting value;
    std::string why;
    for (const std::string text :
         {"tcp:127.0.0.1:80", "http://localhost:8080/livez", "exec:true"}) {
        EXPECT_TRUE(parse_liveness(text, value, why)) << why;
        EXPECT_EQ(format_liveness(value), text);
    }
    EXPECT_TRUE(parse_liveness("none", value, why));
    EXPECT_EQ(value, LivenessSetting{});
    for (const std::string text : {"notify", "fd:3", "log:up"})
        EXPECT_FALSE(parse_liveness(text, value, why)) << text;
}

}  // namespace
}  // namespace pilotfish::config
