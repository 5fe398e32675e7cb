// Who leaves a worker's session and family, where the worker has no child group to know them: told,
// given time and ended with their worker, and with no other.
#include <csignal>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"
#include "tests/support/test_support.h"

namespace pilotfish::e2e {
namespace {

using Environment = std::map<std::string, std::string>;

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// A double fork into a session of its own, which says so once it hears SIGTERM.
std::string escaped(const std::string& name, const std::string& on_term) {
    return "(setsid sh -c 'trap \"" + on_term + "\" TERM; echo " + name +
           " $$; while :; do sleep 0.05; done' & ); ";
}

class Escape : public EndToEnd {
  protected:
    Environment workers(const std::string& web, const std::string& other, Environment more = {}) {
        Environment environment = {{"PILOTFISH_CHILD_GROUPS", "off"},
                                   {"PILOTFISH_ADMIN_LISTEN", "off"},
                                   {"PILOTFISH_CONTROL_SOCKET", socket_},
                                   {"PILOTFISH_WORKERS", "web,other"},
                                   {"PILOTFISH_WORKER_WEB_COMMAND", dir_.path() + "/web"},
                                   {"PILOTFISH_WORKER_WEB_RESTART_DELAY", "1ms"},
                                   {"PILOTFISH_WORKER_OTHER_COMMAND", dir_.path() + "/other"}};
        for (const auto& [name, value] : more) environment[name] = value;
        for (const auto& [name, script] : Environment{{"web", web}, {"other", other}}) {
            dir_.write(name + ".sh", "#!/bin/sh\n" + script + "\n");
            const std::string path = dir_.path() + "/" + name;
            EXPECT_EQ(run({"sh", "-c", "mv " + path + ".sh " + path + "; chmod +x " + path}).end,
                      exited(0));
        }
        return environment;
    }
    Outcome ask(std::vector<std::string> words) {
        words.insert(words.begin(), pilotfish());
        return run(words, {.env = {{"PILOTFISH_CONTROL_SOCKET", socket_}}});
    }
    static pid_t pid_in(const std::string& line, const std::string& name) {
        return std::stoi(line.substr(line.find(name + " ") + name.size() + 1));
    }

    tests::TempDir dir_;
    const std::string socket_ = dir_.path() + "/control.sock";
};

TEST_F(Escape, AStopTellsThoseOfTheWorkerAndNoOthers) {
    Process daemon(
        {pilotfish(), "run"},
        {.env = workers(
             escaped("webs", "echo webs told; sleep 0.2; echo webs done; exit") + "exec sleep 1000",
             escaped("others", "echo others told; exit") + "exec sleep 1000")});
    pid_t webs = -1;
    pid_t others = -1;
    for (int i = 0; i < 2; ++i) {
        const std::string line = daemon.wait_line("s ");
        if (has(line, "webs ")) webs = pid_in(line, "webs");
        if (has(line, "others ")) others = pid_in(line, "others");
    }
    ASSERT_GT(webs, 0);
    ASSERT_GT(others, 0);
    ASSERT_TRUE(eventually([&] { return ask({"status"}).end == exited(0); }));
    EXPECT_EQ(ask({"stop", "web", "--wait", "20s"}).end, exited(0));
    EXPECT_FALSE(exists(webs)) << "the worker is over when all of it is";
    daemon.wait_line("webs done");
    EXPECT_TRUE(exists(others));
    EXPECT_FALSE(has(daemon.out(), "others told")) << daemon.out();
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    EXPECT_TRUE(has(daemon.out(), "others told")) << daemon.out();
}

TEST_F(Escape, ACrashTellsThemAndTheNextRunFindsThemGone) {
    const std::string marker = dir_.path() + "/first";
    Process daemon(
        {pilotfish(), "run"},
        {.env = workers("[ -e " + marker + " ] && { kill -0 $(cat " + marker +
                            ") && echo beside; echo again; exec sleep 1000; }\n" +
                            escaped("webs", "echo webs told; sleep 0.2; exit") +
                            "read pid; kill -9 $$",
                        "exec sleep 1000", {{"PILOTFISH_WORKER_WEB_STDIN", "inherit"}})});
    const pid_t webs = pid_in(daemon.wait_line("webs "), "webs");
    dir_.write("first", std::to_string(webs));
    daemon.write("\n");
    daemon.wait_line("webs told");
    daemon.wait_line("again");
    EXPECT_FALSE(has(daemon.out(), "beside")) << daemon.out();
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(Escape, TheDeafAreKilledWhenTheWorkersTimeIsOver) {
    Process daemon({pilotfish(), "run"},
                   {.env = workers(escaped("webs", "") + "read line; exit 3", "exec sleep 1000",
                                   {{"PILOTFISH_WORKER_WEB_STDIN", "inherit"},
                                    {"PILOTFISH_WORKER_WEB_STOP_TIMEOUT", "300ms"}})});
    const pid_t webs = pid_in(daemon.wait_line("webs "), "webs");
    daemon.write("\n");
    daemon.wait_error_line("left processes behind that did not end: killed them");
    EXPECT_TRUE(eventually([&] { return !exists(webs); }));
    EXPECT_TRUE(daemon.running());
    daemon.signal(SIGTERM);
    daemon.wait();
}

}  // namespace
}  // namespace pilotfish::e2e
