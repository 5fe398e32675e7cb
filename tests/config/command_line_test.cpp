#include "config/command_line.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace pilotfish::config {
namespace {

using Words = std::vector<std::string>;

core::Result<Invocation> parse(std::initializer_list<const char*> arguments) {
    std::vector<const char*> argv{"pilotfish"};
    argv.insert(argv.end(), arguments);
    argv.push_back(nullptr);
    return parse_command_line(static_cast<int>(argv.size()) - 1, argv.data());
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

TEST(CommandLine, RunsWhatFollowsTheDashesAsTheEntrypoint) {
    const Invocation invocation = good({"--", "nginx", "-g", "daemon off;", "--", "--help"});
    EXPECT_EQ(invocation.action, Action::entrypoint);
    EXPECT_EQ(invocation.command, (Words{"nginx", "-g", "daemon off;", "--", "--help"}));
}

TEST(CommandLine, RunTakesACommandOrNone) {
    EXPECT_EQ(good({"run"}).action, Action::run);
    EXPECT_TRUE(good({"run"}).command.empty());
    EXPECT_EQ(good({"run", "--", "a", "-b"}).command, (Words{"a", "-b"}));
}

TEST(CommandLine, ReadsOptionsAndOperandsInAnyOrder) {
    const Invocation limits = good({"limits", "--json", "--root", "/x", "--pid=7"});
    EXPECT_EQ(limits.action, Action::limits);
    EXPECT_EQ(limits.form, OutputForm::json);
    EXPECT_EQ(limits.root, "/x");
    EXPECT_EQ(limits.pid, 7);
    EXPECT_EQ(good({"env", "--shell", "web"}).worker, "web");
    EXPECT_EQ(good({"env", "web", "--shell"}).form, OutputForm::shell);
    EXPECT_EQ(good({"check", "--json", "--", "a"}).command, Words{"a"});
    EXPECT_EQ(good({"probe"}).probe, ProbeKind::livez);
    EXPECT_EQ(good({"probe", "startupz"}).probe, ProbeKind::startupz);
    EXPECT_EQ(good({"version", "--json"}).form, OutputForm::json);
    EXPECT_EQ(good({"help", "MAXPROCS"}).topic, "MAXPROCS");
    EXPECT_EQ(good({"help", "settings", "--markdown"}).form, OutputForm::markdown);
}

TEST(CommandLine, OffersHelpAndVersionAsOptionsToo) {
    EXPECT_EQ(good({"--help"}).action, Action::help);
    EXPECT_EQ(good({"-h"}).action, Action::help);
    EXPECT_EQ(good({"--version"}).action, Action::version);
    EXPECT_EQ(good({"limits", "--help"}).topic, "limits");
    EXPECT_EQ(good({"limits", "--json", "-h"}).action, Action::help);
    EXPECT_FALSE(good({"--help"}).nothing_asked);
}

TEST(CommandLine, AloneAsksForTheShortHelp) {
    EXPECT_TRUE(good({}).nothing_asked);
    EXPECT_EQ(good({}).action, Action::help);
    const char* const nothing[] = {nullptr};
    const core::Result<Invocation> no_name = parse_command_line(0, nothing);
    EXPECT_TRUE(no_name.ok());
}

TEST(CommandLine, GivesAForgottenDashDashItsMend) {
    EXPECT_EQ(fault({"nginx", "-g", "daemon off;"}),
              "cannot run \"nginx\": no such command of pilotfish; to supervise a program, put -- "
              "before it: "
              "pilotfish -- nginx -g 'daemon off;'");
    EXPECT_EQ(fault({"run", "nginx"}),
              "cannot use \"nginx\": put -- before the program: pilotfish run -- nginx");
}

TEST(CommandLine, NamesTheNearestCommandAndOption) {
    EXPECT_NE(fault({"limit"}).find("did you mean pilotfish limits?"), std::string::npos);
    EXPECT_NE(fault({"limits", "--jsn"}).find("did you mean --json?"), std::string::npos);
    EXPECT_NE(fault({"--versoin"}).find("did you mean --version?"), std::string::npos);
    EXPECT_EQ(fault({"-x"}), "cannot use option \"-x\": pilotfish has no such option");
}

TEST(CommandLine, RefusesAnEmptyCommand) {
    EXPECT_TRUE(fault({"--"}).starts_with("cannot run nothing: "));
    EXPECT_TRUE(fault({"--", ""}).starts_with("cannot run nothing: "));
    EXPECT_TRUE(fault({"run", "--"}).starts_with("cannot run nothing: "));
    EXPECT_TRUE(fault({""}).starts_with("cannot run \"\": "));
}

TEST(CommandLine, RefusesWrongArgumentsWithTheReason) {
    EXPECT_EQ(fault({"limits", "x"}), "cannot use \"x\": pilotfish limits takes no argument");
    EXPECT_EQ(fault({"env", "a", "b"}), "cannot use \"b\": pilotfish env takes one argument only");
    EXPECT_EQ(fault({"limits", "--root"}), "cannot use --root: its DIR is missing");
    EXPECT_EQ(fault({"limits", "--root="}), "cannot use --root: it needs a directory");
    EXPECT_EQ(fault({"limits", "--pid", "x"}),
              "cannot use --pid \"x\": it needs the number of a process");
    EXPECT_EQ(fault({"limits", "--pid", "0"}),
              "cannot use --pid \"0\": it needs the number of a process");
    EXPECT_EQ(fault({"limits", "--json=1"}), "cannot use \"--json=1\": --json takes no value");
    EXPECT_EQ(fault({"probe", "live"}),
              "cannot use \"live\": it is no probe: livez, readyz or startupz");
    EXPECT_EQ(fault({"env", "--json", "--shell"}),
              "cannot use --shell: it contradicts the one before it");
    EXPECT_EQ(fault({"limits", "--", "x"}),
              "cannot use option \"--\": pilotfish limits has no such option");
}

TEST(CommandLine, MentionsEveryOptionOfACommandInItsSynopsis) {
    for (const CommandRow& command : commands()) {
        for (const OptionRow& option : command.options) {
            if (option.name == "--markdown") continue;  // for those who build pilotfish
            // Every command that asks a daemon has these two; its own help tells of them.
            const bool asks = command.action >= Action::status;
            if (asks && (option.name == "--pid" || option.name == "--admin")) continue;
            EXPECT_NE(command.synopsis.find(option.name), std::string_view::npos)
                << command.name << " " << option.name;
        }
        EXPECT_EQ(command.takes_command,
                  command.synopsis.find("-- COMMAND") != std::string_view::npos);
        EXPECT_EQ(command.read_operand == nullptr, command.operand.empty()) << command.name;
    }
}

}  // namespace
}  // namespace pilotfish::config
