#include "config/field_text.h"

#include <gtest/gtest.h>

namespace pilotfish::config {
namespace {

TEST(ChoiceWords, AreTheEnumsValuesInTheirOrder) {
    EXPECT_EQ(show_field(Rounding::ceil), "ceil");
    EXPECT_EQ(show_field(Rounding::round), "round");
    EXPECT_EQ(show_field(Rightsize::safe), "safe");
    EXPECT_EQ(show_field(SignalPolicy::own), "own");
    EXPECT_EQ(show_field(SignalPolicy::by_mode), "");
    EXPECT_EQ(show_field(LogFormat::json), "json");
    EXPECT_EQ(show_field(core::LogLevel::debug), "debug");
    EXPECT_EQ(show_field(core::LogLevel::off), "off");
    EXPECT_EQ(show_field(RestartPolicy::on_failure), "on-failure");
    EXPECT_EQ(show_field(StdinMode::null), "null");
    EXPECT_EQ(show_field(WorkerLog::none), "none");
}

TEST(ChoiceWords, AreReadWholeAndNothingElseIs) {
    WorkerLog log = WorkerLog::prefix;
    std::string why;
    EXPECT_TRUE(read_field("json", log, why));
    EXPECT_EQ(log, WorkerLog::json);
    for (const char* text : {"", "js", "JSON", "or", "json or none", "json,", ",", " "}) {
        EXPECT_FALSE(read_field(text, log, why)) << text;
    }
    EXPECT_EQ(log, WorkerLog::json);
}

TEST(MemoryLimitText, IsAShareASizeOrOff) {
    using Kind = MemoryLimitSetting::Kind;
    MemoryLimitSetting value;
    std::string why;
    EXPECT_TRUE(read_field("87.5%", value, why));
    EXPECT_EQ(value.kind, Kind::share);
    EXPECT_DOUBLE_EQ(value.share, 0.875);
    EXPECT_EQ(show_field(value), "87.5%");
    EXPECT_TRUE(read_field("100%", value, why));
    EXPECT_EQ(show_field(value), "100%");
    EXPECT_TRUE(read_field("512Mi", value, why));
    EXPECT_EQ(value.kind, Kind::size);
    EXPECT_EQ(show_field(value), "512Mi");
    EXPECT_TRUE(read_field("off", value, why));
    EXPECT_EQ(show_field(value), "off");
    for (const char* text :
         {"", "%", "0%", "100.1%", "-1%", "90 %", "500m%", "0", "90%%", "Off", "none"}) {
        EXPECT_FALSE(read_field(text, value, why)) << text;
    }
}

TEST(ControlSocketText, IsAutoOffOrAPathThatFits) {
    ControlSocket value;
    std::string why;
    EXPECT_EQ(show_field(value), "auto");
    EXPECT_TRUE(read_field("/run/x.sock", value, why));
    EXPECT_EQ(value, (ControlSocket{.kind = ControlSocket::Kind::path, .path = "/run/x.sock"}));
    EXPECT_EQ(show_field(value), "/run/x.sock");
    for (const std::string text : {"", "unix:/x", "@name", "relative", "Auto"})
        EXPECT_FALSE(read_field(text, value, why)) << text;
    EXPECT_FALSE(read_field("/" + std::string(107, 'x'), value, why));
    EXPECT_EQ(show_field(value), "/run/x.sock") << "left as it was";
    EXPECT_TRUE(read_field("off", value, why));
    EXPECT_EQ(show_field(value), "off");
    EXPECT_TRUE(read_field("auto", value, why));
    EXPECT_EQ(value, ControlSocket{});
}

TEST(RightsizeChoiceText, IsAProfileOrProgramsNeverBoth) {
    std::optional<RightsizeChoice> choice;
    std::string why;
    EXPECT_TRUE(read_field("all", choice, why));
    EXPECT_EQ(choice->profile, Rightsize::all);
    EXPECT_EQ(show_field(choice), "all");
    EXPECT_TRUE(read_field("node,java", choice, why));
    EXPECT_FALSE(choice->profile);
    EXPECT_EQ(choice->programs, (std::vector<std::string>{"node", "java"}));
    EXPECT_EQ(show_field(choice), "node,java");
    EXPECT_FALSE(read_field("node,all", choice, why));
    EXPECT_EQ(why, "has the profile all among programs");
    EXPECT_FALSE(read_field("Node", choice, why));
    EXPECT_FALSE(read_field("jva", choice, why));
    EXPECT_EQ(why, "names \"jva\", which has no variables of its own; did you mean java?");
    EXPECT_EQ(show_field(choice), "node,java");
}

TEST(DebugText, NamesWhatIsTraced) {
    Debug debug;
    std::string why;
    EXPECT_EQ(show_field(debug), "");
    EXPECT_TRUE(read_field("memtrace=1", debug, why));
    EXPECT_TRUE(debug.memtrace);
    EXPECT_EQ(show_field(debug), "memtrace=1");
    for (const char* text : {"", "memtrace", "memtrace=2", "gctrace=1", "memtrace=1,x"})
        EXPECT_FALSE(read_field(text, debug, why)) << text;
    EXPECT_TRUE(read_field("memtrace=0", debug, why));
    EXPECT_FALSE(debug.memtrace);
}

TEST(WeightAndScoreText, HaveTheKernelsRanges) {
    std::optional<Weight> weight;
    std::optional<OomScore> score;
    std::optional<Count> count;
    std::string why;
    EXPECT_TRUE(read_field("10000", weight, why));
    EXPECT_EQ(weight->count, 10000);
    for (const char* text : {"0", "10001", "-1", "x"}) EXPECT_FALSE(read_field(text, weight, why));
    EXPECT_TRUE(read_field("-1000", score, why));
    EXPECT_EQ(show_field(score), "-1000");
    EXPECT_TRUE(read_field("1000", score, why));
    for (const char* text : {"-1001", "1001", "--1", "", "-"})
        EXPECT_FALSE(read_field(text, score, why)) << text;
    EXPECT_EQ(show_field(score), "1000");
    EXPECT_TRUE(read_field("64", count, why));
    EXPECT_EQ(show_field(count), "64");
    EXPECT_FALSE(read_field("0", count, why));
}

TEST(ExitCodesText, AreSortedEachOnce) {
    ExitCodes codes;
    std::string why;
    EXPECT_TRUE(read_field("255, 3,3,0", codes, why));
    EXPECT_EQ(codes, (ExitCodes{0, 3, 255}));
    EXPECT_EQ(show_field(codes), "0,3,255");
    for (const char* text : {"", "256", "-1", "1;2", "1,", "SIGTERM"}) {
        EXPECT_FALSE(read_field(text, codes, why)) << text;
    }
}

TEST(ListenersText, NamesEachAddressOnce) {
    Listeners listeners;
    std::string why;
    EXPECT_TRUE(read_field("127.0.0.1:1,[::]:2,unix:/x", listeners, why));
    EXPECT_EQ(show_field(listeners), "127.0.0.1:1,[::]:2,unix:/x");
    EXPECT_FALSE(read_field("127.0.0.1:1,127.0.0.1:1", listeners, why));
    EXPECT_EQ(why, "names 127.0.0.1:1 twice");
    EXPECT_FALSE(read_field("127.0.0.1:1,off", listeners, why));
    EXPECT_TRUE(read_field("off", listeners, why));
    EXPECT_EQ(show_field(listeners), "off");
}

TEST(PathText, IsAbsolute) {
    std::string path;
    OptionalPath optional;
    std::string why;
    EXPECT_TRUE(read_field("/run/x", path, why));
    EXPECT_FALSE(read_field("run/x", path, why));
    EXPECT_EQ(why, "does not begin with /");
    EXPECT_FALSE(read_field("off", path, why));
    EXPECT_TRUE(read_field("off", optional, why));
    EXPECT_EQ(show_field(optional), "off");
}

TEST(ProcessNameText, IsAnythingButAPath) {
    ProcessName name;
    std::string why;
    for (const char* text : {"nginx", "nginx: master process", "my-job", "\xc3\xa4"}) {
        EXPECT_TRUE(read_field(text, name, why)) << text;
        EXPECT_EQ(show_field(name), text);
    }
    for (const char* text : {"", "/usr/sbin/nginx", "a/b", "two\nlines"})
        EXPECT_FALSE(read_field(text, name, why)) << text;
}

TEST(SecretText, ShowsOnlyThatItIsSet) {
    Secret secret;
    std::string why;
    EXPECT_EQ(show_field(secret), "");
    EXPECT_TRUE(read_field("hunter2", secret, why));
    EXPECT_EQ(show_field(secret), "(set, not shown)");
    for (const char* text : {"a b", "a\n", "\t", "\xc3\xa9", "\x7f"}) {
        EXPECT_FALSE(read_field(text, secret, why)) << text;
    }
    EXPECT_EQ(secret.text, "hunter2");
}

TEST(ProcessorCountText, IsAutoOrFromOneTo4096) {
    std::optional<int> count = 7;
    std::string why;
    EXPECT_TRUE(read_field("auto", count, why));
    EXPECT_EQ(count, std::nullopt);
    EXPECT_TRUE(read_field("4096", count, why));
    EXPECT_EQ(show_field(count), "4096");
    for (const char* text : {"0", "4097", "-1", "1.5", "1500m", "Auto", "99999999999999999999"}) {
        EXPECT_FALSE(read_field(text, count, why)) << text;
    }
}

}  // namespace
}  // namespace pilotfish::config
