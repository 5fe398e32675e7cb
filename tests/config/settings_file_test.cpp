#include "config/settings_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "config/resolved_settings.h"
#include "tests/config/environment.h"

namespace pilotfish::config {
namespace {

using namespace std::chrono_literals;

core::Result<Configuration> load_with(const std::string& text,
                                      const Invocation& invocation = as_run(),
                                      const std::vector<std::string>& more = {}) {
    std::vector<std::string> entries{"PILOTFISH_CONFIG=/p.json"};
    entries.insert(entries.end(), more.begin(), more.end());
    std::vector<const char*> pointers;
    for (const std::string& entry : entries) pointers.push_back(entry.c_str());
    pointers.push_back(nullptr);
    return load(pointers.data(), invocation,
                [&](const std::string&) -> core::Result<std::string> { return text; });
}

Configuration taken(const std::string& text, const Invocation& invocation = as_run(),
                    const std::vector<std::string>& more = {}) {
    auto loaded = load_with(text, invocation, more);
    EXPECT_TRUE(loaded.ok()) << loaded.error().message;
    return accepted(loaded);
}

std::string refused(const std::string& text, const Invocation& invocation = as_run(),
                    const std::vector<std::string>& more = {}) {
    const auto loaded = load_with(text, invocation, more);
    return loaded ? "" : loaded.error().message;
}

WorkerSettings worker_of(const Configuration& configuration, std::string_view name) {
    const WorkerConfiguration* const worker = configuration.find_worker(name);
    EXPECT_NE(worker, nullptr) << name;
    return worker == nullptr ? WorkerSettings{} : worker->settings;
}

std::string source_of(const Configuration& configuration, std::string_view variable) {
    for (const ResolvedSetting& setting : resolved_settings(configuration))
        if (setting.variable == variable) return setting.source;
    return "no such variable";
}

TEST(SettingsFile, NamesAreThoseOfTheVariablesCutAnywhere) {
    const Configuration configuration =
        taken(R"({"admin": {"listen": ["127.0.0.1:1", "unix:/s"]}, "stop_timeout": "9s",
                  "drain": {"delay": 0}, "maxprocs": {"rounding": "floor"}, "memlimit": 1000000,
                  "strict": false, "livez_stall": null})");
    const Settings& settings = configuration.settings;
    ASSERT_EQ(settings.admin_listen.size(), 2u);
    EXPECT_EQ(format_listen_address(settings.admin_listen[1]), "unix:/s");
    EXPECT_EQ(settings.stop_timeout, 9s);
    EXPECT_EQ(settings.maxprocs_rounding, Rounding::floor);
    EXPECT_EQ(settings.memory_limit.size.count, 1000000u);
    EXPECT_FALSE(settings.strict);
    EXPECT_EQ(settings.livez_stall, 30s);
    EXPECT_TRUE(configuration.is_set("STOP_TIMEOUT"));
    EXPECT_FALSE(configuration.is_set("LIVEZ_STALL"));
}

TEST(SettingsFile, DeclaresItsWorkersInItsOrder) {
    const Configuration configuration =
        taken(R"({"workers": {
        "web-api": {"command": ["nginx", "-g", "daemon off;"], "after": "db", "cpu": 1.5,
                    "success_codes": [3, "143"], "optional": true,
                    "env": {"Path": "/x", "PORT": 8080, "DEBUG": false, "EMPTY": ""},
                    "rlimit": {"nofile": 1024, "core": "unlimited"}},
        "db": {"command": "sh -c 'echo \"hi\"'", "restart_delay": "1s"}}})",
              as_run(), {"PILOTFISH_WORKERS=first", "PILOTFISH_WORKER_FIRST_COMMAND=x"});
    EXPECT_EQ(configuration.settings.workers, (Names{"first", "web-api", "db"}));
    ASSERT_EQ(configuration.workers.size(), 3u);
    const WorkerSettings web = worker_of(configuration, "web-api");
    EXPECT_EQ(web.command, (Command{"nginx", "-g", "daemon off;"}));
    EXPECT_EQ(web.after, Names{"db"});
    EXPECT_EQ(web.success_codes, (ExitCodes{3, 143}));
    EXPECT_TRUE(web.optional);
    using Pair = std::pair<std::string, std::string>;
    EXPECT_EQ(
        web.environment,
        (std::vector<Pair>{{"Path", "/x"}, {"PORT", "8080"}, {"DEBUG", "false"}, {"EMPTY", ""}}));
    EXPECT_EQ(web.resource_limits.size(), 2u);
    EXPECT_EQ(worker_of(configuration, "db").command, (Command{"sh", "-c", "echo \"hi\""}));
    EXPECT_EQ(worker_of(configuration, "db").restart_delay, 1s);
}

TEST(SettingsFile, TheEnvironmentWinsAndItIsShown) {
    const Configuration configuration =
        taken(R"({"stop_timeout": "9s", "log_level": "warn", "workers": {"web": {
            "command": "from-file", "restart": "never", "env": {"A": "file", "B": "file"}}}})",
              as_run(),
              {"PILOTFISH_STOP_TIMEOUT=7s", "PILOTFISH_WORKER_WEB_COMMAND=from-environment",
               "PILOTFISH_WORKER_WEB_ENV_A=environment"});
    EXPECT_EQ(configuration.settings.stop_timeout, 7s);
    const WorkerSettings web = worker_of(configuration, "web");
    EXPECT_EQ(web.command, Command{"from-environment"});
    EXPECT_EQ(web.restart, RestartPolicy::never);
    using Pair = std::pair<std::string, std::string>;
    EXPECT_EQ(web.environment, (std::vector<Pair>{{"A", "environment"}, {"B", "file"}}));
    EXPECT_EQ(source_of(configuration, "PILOTFISH_STOP_TIMEOUT"), "PILOTFISH_STOP_TIMEOUT");
    EXPECT_EQ(source_of(configuration, "PILOTFISH_LOG_LEVEL"), "/p.json");
    EXPECT_EQ(source_of(configuration, "PILOTFISH_WORKERS"), "/p.json");
    EXPECT_EQ(source_of(configuration, "PILOTFISH_WORKER_WEB_RESTART"), "/p.json");
    EXPECT_EQ(source_of(configuration, "PILOTFISH_WORKER_WEB_ENV_A"), "PILOTFISH_WORKER_WEB_ENV_A");
    EXPECT_EQ(source_of(configuration, "PILOTFISH_WORKER_WEB_ENV_B"), "/p.json");
}

TEST(SettingsFile, AValueThatCountsForNothingMustBeAGoodOne) {
    EXPECT_EQ(refused(R"({"stop_timeout": "soon"})", as_run(), {"PILOTFISH_STOP_TIMEOUT=7s"}),
              "cannot use stop_timeout in /p.json:1, \"soon\": it needs a duration with its unit, "
              "such as 250ms, 10s or 5m, or 0");
}

TEST(SettingsFile, EveryFaultIsToldWithItsLine) {
    const std::string faults = refused(R"({
  "admin": {"lisen": "x"},
  "strict": "maybe",
  "log_level": 3,
  "workers": {"web": {"command": [], "restar": "never", "cwd": "",
                      "stop_signal": ["TERM"], "env": "A=b"},
              "Web": {"command": "x"}, "db": "nginx"}})");
    EXPECT_EQ(
        faults,
        "cannot use log_level in /p.json:4: it cannot be a number such as this; it needs "
        "debug, info, warn, error or off\n"
        "cannot use workers.web.stop_signal in /p.json:6: it cannot be a list such as this; "
        "it needs a signal: TERM, SIGTERM, 15 or RTMIN+1\n"
        "cannot use workers.web.env in /p.json:6: it needs an object, by var: "
        "{\"PATH\":...}\n"
        "cannot use workers.Web in /p.json:7: a worker's name has small letters, digits and "
        "-, and begins with a letter\n"
        "cannot use workers.db in /p.json:7: it needs an object of the worker's settings\n"
        "cannot use strict in /p.json:3, \"maybe\": it needs true, false, 1 or 0\n"
        "cannot use workers.web.command in /p.json:5, \"[]\": it names no program; it needs a "
        "JSON array such as [\"nginx\",\"-g\",\"daemon off;\"], or words with quotes\n"
        "cannot use workers.web.cwd in /p.json:5: it is empty; it needs an absolute path, or "
        "null for the default\n"
        "cannot use admin.lisen in /p.json:2: there is no such setting; did you mean "
        "admin_listen? (PILOTFISH_STRICT=false ignores unknown names)\n"
        "cannot use workers.web.restar in /p.json:5: there is no such setting; did you mean "
        "workers.web.restart? (PILOTFISH_STRICT=false ignores unknown names)");
}

TEST(SettingsFile, UnknownNamesAreIgnoredOnRequestAlsoByTheFileItself) {
    const Configuration configuration = taken(R"({"strict": false, "nonsens": 1})");
    ASSERT_EQ(configuration.warnings.size(), 1u);
    EXPECT_EQ(configuration.warnings[0],
              "ignored nonsens in /p.json:1: there is no such setting: pilotfish help settings "
              "lists them");
}

TEST(SettingsFile, NothingIsGivenTwice) {
    EXPECT_EQ(refused("{\"admin\":{\"listen\":\"off\"},\n\"admin_listen\":\"off\"}"),
              "cannot use admin_listen in /p.json:2: it is also given as admin.listen in "
              "/p.json:1; keep one of them");
    EXPECT_EQ(refused(R"({"config":"/other.json"})"),
              "cannot use config in /p.json:1: a file names no other file; PILOTFISH_CONFIG does");
    EXPECT_EQ(refused(R"({"debug":["memtrace=1,x"]})").find("memtrace=1,x"), std::string::npos);
}

TEST(SettingsFile, SecretsAreNeverShown) {
    const std::string faults = refused(R"({"admin_token": "s3cret with blanks"})");
    EXPECT_TRUE(faults.starts_with("cannot use admin_token in /p.json:1: it ")) << faults;
    EXPECT_EQ(faults.find("s3cret"), std::string::npos);
    const Configuration configuration = taken(
        R"({"read_token": "s3cret", "workers": {"main": {"env": {"P": "s3cret"}}}})", as_check());
    EXPECT_EQ(configuration.settings.read_token.text, "s3cret");
    for (const ResolvedSetting& setting : resolved_settings(configuration))
        EXPECT_EQ(setting.value.find("s3cret"), std::string::npos) << setting.variable;
}

TEST(SettingsFile, AnEntrypointHasOneWorker) {
    EXPECT_EQ(refused(R"({"workers":{"main":{"restart":"always"},"web":{"command":"x"}}})",
                      as_entrypoint()),
              "cannot use workers.web in /p.json: an entrypoint has one worker, main; for several: "
              "pilotfish run -- COMMAND...");
    const Configuration configuration =
        taken(R"({"workers":{"main":{"restart":"always"}}})", as_entrypoint());
    EXPECT_EQ(worker_of(configuration, "main").restart, RestartPolicy::always);
    EXPECT_EQ(worker_of(configuration, "main").command, Command{"app"});
    EXPECT_NE(refused(R"({"workers":{"main":{"command":"other"}}})", as_entrypoint())
                  .find("the command line gives main's command too"),
              std::string::npos);
}

TEST(SettingsFile, OnlyARegularFileIsRead) {
    const auto directory =
        std::filesystem::temp_directory_path() / ("settings_file_test." + std::to_string(getpid()));
    std::filesystem::create_directory(directory);
    const std::string file = directory / "p.json";
    std::ofstream(file) << "{}";
    const auto text = read_settings_file(file);
    EXPECT_TRUE(text.ok() && *text == "{}");
    const std::string fifo = directory / "fifo";
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    for (const std::string& other : {fifo, directory.string(), directory.string() + "/none"}) {
        const auto none = read_settings_file(other);
        ASSERT_FALSE(none.ok()) << other;
        EXPECT_NE(none.error().message.find(other), std::string::npos);
    }
    std::ofstream(file) << std::string((1u << 20) + 1, ' ');
    EXPECT_FALSE(read_settings_file(file).ok());
    std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace pilotfish::config
