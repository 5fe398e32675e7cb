#include "config/client_commands.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <set>

namespace pilotfish::config {
namespace {

using Words = std::vector<std::string>;

core::Result<Invocation> parse(std::initializer_list<const char*> arguments) {
    std::vector<const char*> argv{"pilotfish"};
    argv.insert(argv.end(), arguments);
    return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

Invocation good(std::initializer_list<const char*> arguments) {
    core::Result<Invocation> parsed = parse(arguments);
    EXPECT_TRUE(parsed.ok()) << parsed.error().message;
    return parsed.ok() ? *parsed : Invocation{};
}

std::string fault(std::initializer_list<const char*> arguments) {
    const core::Result<Invocation> parsed = parse(arguments);
    EXPECT_FALSE(parsed.ok());
    return parsed.ok() ? "" : parsed.error().message;
}

TEST(ClientCommands, AreAmongAllCommandsUnderOneNameEach) {
    std::set<std::string_view> names;
    for (const CommandRow& row : commands()) EXPECT_TRUE(names.insert(row.name).second) << row.name;
    for (const CommandRow& row : client_commands()) EXPECT_TRUE(names.contains(row.name));
}

TEST(ClientCommands, TakeAnyNumberOfWorkers) {
    EXPECT_TRUE(good({"status"}).client.workers.empty());
    EXPECT_EQ(good({"status", "web", "--json", "db@2"}).client.workers, (Words{"web", "db@2"}));
    EXPECT_EQ(good({"stop", "web", "db"}).action, Action::stop);
    for (const char* needs : {"start", "stop", "restart"})
        EXPECT_NE(fault({needs}).find("WORKER is missing"), std::string::npos) << needs;
    EXPECT_NE(fault({"stop", "../x"}).find("is no name of a worker"), std::string::npos);
    EXPECT_NE(fault({"events", "web"}).find("takes no argument"), std::string::npos);
}

TEST(ClientCommands, SignalNamesTheSignalFirst) {
    const Invocation invocation = good({"signal", "RTMIN+1", "web", "db"});
    EXPECT_EQ(invocation.client.signal, "RTMIN+1");
    EXPECT_EQ(invocation.client.workers, (Words{"web", "db"}));
    EXPECT_NE(fault({"signal", "web", "HUP"}).find("pilotfish signal HUP web"), std::string::npos);
    EXPECT_NE(fault({"signal", "HUP"}).find("WORKER is missing"), std::string::npos);
    EXPECT_NE(fault({"signal"}).find("SIGNAL"), std::string::npos);
}

TEST(ClientCommands, HaveOptionsLongAndShort) {
    const Invocation logs = good({"logs", "-f", "-n", "10", "web", "--since=7", "--pid", "3"});
    EXPECT_TRUE(logs.client.follow);
    EXPECT_EQ(logs.client.tail, 10);
    EXPECT_EQ(logs.client.since, 7);
    EXPECT_EQ(logs.pid, 3);
    EXPECT_TRUE(good({"logs", "--follow"}).client.follow);
    EXPECT_EQ(good({"stop", "web", "--wait", "1m30s"}).client.wait, std::chrono::seconds(90));
    EXPECT_TRUE(good({"shutdown", "--wait"}).client.wait_for_end);
    EXPECT_TRUE(good({"reload", "--dry-run"}).client.dry_run);
    EXPECT_TRUE(good({"status", "-w"}).client.watch);
    EXPECT_EQ(good({"events", "--admin", "unix:/x"}).client.admin, "unix:/x");
    EXPECT_NE(fault({"logs", "--since", "7"}).find("name it"), std::string::npos)
        << "a cursor counts the lines of one worker";
    for (const auto& bad : {fault({"stop", "web", "--wait", "10"}),
                            fault({"stop", "web", "--wait", "2h"}), fault({"logs", "-n", "-1"}),
                            fault({"status", "--pid", "0"}), fault({"status", "--admin", ""})})
        EXPECT_TRUE(bad.starts_with("cannot use -")) << bad;
}

}  // namespace
}  // namespace pilotfish::config
