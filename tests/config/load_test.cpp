#include "config/load.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

#include "tests/config/environment.h"

namespace pilotfish::config {
namespace {

using namespace std::chrono_literals;

Configuration loaded(std::initializer_list<std::string> entries, const Invocation& invocation) {
    const Environment environment(entries);
    core::Result<Configuration> result = load(environment.get(), invocation);
    EXPECT_TRUE(result.ok()) << result.error().message;
    return result.ok() ? std::move(*result) : Configuration{};
}

WorkerSettings worker_of(const Configuration& configuration, std::string_view name) {
    const WorkerConfiguration* worker = configuration.find_worker(name);
    EXPECT_NE(worker, nullptr) << name;
    return worker == nullptr ? WorkerSettings{} : worker->settings;
}

TEST(Load, AnEmptyEnvironmentGivesTheDefaultsOfTheContract) {
    const Configuration configuration = loaded({}, as_entrypoint());
    const Settings& settings = configuration.settings;
    EXPECT_TRUE(settings.strict);
    EXPECT_EQ(settings.maxprocs, std::nullopt);
    EXPECT_EQ(settings.maxprocs_rounding, Rounding::ceil);
    EXPECT_EQ(settings.maxprocs_min, 1);
    EXPECT_DOUBLE_EQ(settings.memory_limit.share, 0.9);
    EXPECT_EQ(settings.limits_interval, 1s);
    EXPECT_EQ(settings.rightsize, Rightsize::safe);
    ASSERT_EQ(settings.admin_listen.size(), 1u);
    EXPECT_EQ(format_listen_address(settings.admin_listen[0]), "127.0.0.1:9911");
    EXPECT_TRUE(settings.probe_listen.empty());
    EXPECT_TRUE(settings.metrics_listen.empty());
    EXPECT_EQ(settings.log_format, LogFormat::text);
    EXPECT_EQ(settings.log_level, core::LogLevel::info);
    EXPECT_EQ(settings.stop_timeout, 25s);
    EXPECT_EQ(settings.drain_delay, 0s);
    EXPECT_EQ(settings.livez_stall, 30s);
    EXPECT_TRUE(settings.subreaper);
    EXPECT_EQ(settings.termination_log.path, "/dev/termination-log");
    EXPECT_FALSE(configuration.is_set("ADMIN_LISTEN"));
    EXPECT_TRUE(configuration.warnings.empty());
}

TEST(Load, AnEntrypointHasMainAloneWithItsOwnDefaults) {
    const Configuration configuration = loaded({}, as_entrypoint());
    ASSERT_EQ(configuration.workers.size(), 1u);
    const WorkerSettings main = worker_of(configuration, "main");
    EXPECT_EQ(main.command, Command{"app"});
    EXPECT_TRUE(main.critical);
    EXPECT_EQ(main.restart, RestartPolicy::never);
    EXPECT_EQ(main.log, WorkerLog::inherit);
    EXPECT_EQ(main.stdin_mode, StdinMode::inherit);
    EXPECT_EQ(main.stop_timeout, 25s);
    EXPECT_EQ(configuration.settings.signals, SignalPolicy::forward);
}

TEST(Load, AloneMainHasWhatTheDrainLeavesOfTheWholeShutdown) {
    const auto stop = [](std::initializer_list<std::string> entries) {
        return worker_of(loaded(entries, as_entrypoint()), "main").stop_timeout;
    };
    EXPECT_EQ(stop({"PILOTFISH_STOP_TIMEOUT=1m"}), 1min);
    EXPECT_EQ(stop({"PILOTFISH_STOP_TIMEOUT=1m", "PILOTFISH_DRAIN_DELAY=15s"}), 45s);
    EXPECT_EQ(stop({"PILOTFISH_STOP_TIMEOUT=1s", "PILOTFISH_DRAIN_DELAY=2s"}), 0s);
    EXPECT_EQ(stop({"PILOTFISH_WORKER_MAIN_STOP_TIMEOUT=3s"}), 3s);
}

TEST(Load, RunHasTheDeclaredWorkersAndMainWhenGiven) {
    Invocation invocation = as_run();
    const std::initializer_list<std::string> entries = {
        "PILOTFISH_WORKERS=web,log-shipper", "PILOTFISH_WORKER_WEB_COMMAND=nginx -g 'daemon off;'",
        "PILOTFISH_WORKER_LOG_SHIPPER_COMMAND=[\"vector\"]"};
    const Configuration without = loaded(entries, invocation);
    ASSERT_EQ(without.workers.size(), 2u);
    EXPECT_EQ(without.workers[0].settings.name, "web");
    EXPECT_EQ(worker_of(without, "web").command, (Command{"nginx", "-g", "daemon off;"}));
    EXPECT_EQ(worker_of(without, "log-shipper").command, Command{"vector"});
    EXPECT_EQ(without.settings.signals, SignalPolicy::own);

    invocation.command = {"app", "-x"};
    const Configuration with = loaded(entries, invocation);
    ASSERT_EQ(with.workers.size(), 3u);
    EXPECT_EQ(with.workers[0].settings.name, "main");
    EXPECT_EQ(worker_of(with, "main").command, (Command{"app", "-x"}));
    EXPECT_EQ(worker_of(with, "main").stop_timeout, 10s);
}

TEST(Load, RunWithNoWorkersIsASidecar) { EXPECT_TRUE(loaded({}, as_run()).workers.empty()); }

TEST(Load, RunTakesMainAsADeclaredWorkerToo) {
    const Configuration configuration =
        loaded({"PILOTFISH_WORKERS=main", "PILOTFISH_WORKER_MAIN_COMMAND=app"}, as_run());
    ASSERT_EQ(configuration.workers.size(), 1u);
    EXPECT_TRUE(worker_of(configuration, "main").critical);
    EXPECT_EQ(worker_of(configuration, "main").command, Command{"app"});
}

TEST(Load, OtherWorkersRestartAlwaysAndArePrefixed) {
    const Configuration configuration =
        loaded({"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_COMMAND=x"}, as_run());
    const WorkerSettings web = worker_of(configuration, "web");
    EXPECT_FALSE(web.critical);
    EXPECT_EQ(web.restart, RestartPolicy::always);
    EXPECT_EQ(web.log, WorkerLog::prefix);
    EXPECT_EQ(web.stdin_mode, StdinMode::null);
    EXPECT_EQ(web.stop_signal.number, SIGTERM);
    EXPECT_EQ(web.stop_timeout, 10s);
}

TEST(Load, LogFormatJsonIsTheDefaultOfTheWorkersButNotOfMain) {
    Invocation invocation = as_run();
    invocation.command = {"app"};
    const Configuration configuration = loaded(
        {"PILOTFISH_LOG_FORMAT=json", "PILOTFISH_WORKERS=a,b", "PILOTFISH_WORKER_A_COMMAND=x",
         "PILOTFISH_WORKER_B_COMMAND=x", "PILOTFISH_WORKER_B_LOG=none"},
        invocation);
    EXPECT_EQ(worker_of(configuration, "a").log, WorkerLog::json);
    EXPECT_EQ(worker_of(configuration, "b").log, WorkerLog::none);
    EXPECT_EQ(worker_of(configuration, "main").log, WorkerLog::inherit);
}

TEST(Load, ReadsEverySettingOfTheDaemon) {
    const Configuration configuration = loaded({"PILOTFISH_STRICT=false",
                                                "PILOTFISH_MAXPROCS=3",
                                                "PILOTFISH_MAXPROCS_ROUNDING=floor",
                                                "PILOTFISH_MAXPROCS_MIN=2",
                                                "PILOTFISH_MEMLIMIT=512Mi",
                                                "PILOTFISH_LIMITS_INTERVAL=0",
                                                "PILOTFISH_RIGHTSIZE=none",
                                                "PILOTFISH_SIGNALS=own",
                                                "PILOTFISH_SUBREAPER=0",
                                                "PILOTFISH_STOP_TIMEOUT=1m",
                                                "PILOTFISH_DRAIN_DELAY=5s",
                                                "PILOTFISH_TERMINATION_LOG=off",
                                                "PILOTFISH_ADMIN_LISTEN=off",
                                                "PILOTFISH_PROBE_LISTEN=[::]:9912,unix:/run/p",
                                                "PILOTFISH_METRICS_LISTEN=0.0.0.0:9913",
                                                "PILOTFISH_ADMIN_TOKEN=secret",
                                                "PILOTFISH_READ_TOKEN_FILE=/run/token",
                                                "PILOTFISH_LIVEZ_STALL=5s",
                                                "PILOTFISH_LOG_FORMAT=json",
                                                "PILOTFISH_LOG_LEVEL=debug"},
                                               as_entrypoint());
    const Settings& settings = configuration.settings;
    EXPECT_FALSE(settings.strict);
    EXPECT_EQ(settings.maxprocs, 3);
    EXPECT_EQ(settings.maxprocs_rounding, Rounding::floor);
    EXPECT_EQ(settings.maxprocs_min, 2);
    EXPECT_EQ(settings.memory_limit.kind, MemoryLimitSetting::Kind::size);
    EXPECT_EQ(settings.memory_limit.size.count, 512u << 20);
    EXPECT_EQ(settings.limits_interval, 0s);
    EXPECT_EQ(settings.rightsize, Rightsize::none);
    EXPECT_EQ(settings.signals, SignalPolicy::own);
    EXPECT_FALSE(settings.subreaper);
    EXPECT_EQ(settings.stop_timeout, 1min);
    EXPECT_EQ(settings.drain_delay, 5s);
    EXPECT_EQ(settings.termination_log.path, "");
    EXPECT_TRUE(settings.admin_listen.empty());
    EXPECT_EQ(settings.probe_listen.size(), 2u);
    EXPECT_EQ(settings.metrics_listen.size(), 1u);
    EXPECT_EQ(settings.admin_token.text, "secret");
    EXPECT_EQ(settings.read_token_file, "/run/token");
    EXPECT_EQ(settings.livez_stall, 5s);
    EXPECT_EQ(settings.log_format, LogFormat::json);
    EXPECT_EQ(settings.log_level, core::LogLevel::debug);
    EXPECT_TRUE(configuration.is_set("ADMIN_LISTEN"));
}

TEST(Load, ReadsEverySettingOfAWorker) {
    const std::string w = "PILOTFISH_WORKER_WEB_API_";
    const Configuration configuration = loaded(
        {"PILOTFISH_WORKERS=web-api,db", "PILOTFISH_WORKER_DB_COMMAND=db", w + "COMMAND=x y",
         w + "CWD=/srv", w + "STDIN=inherit", w + "ENV_PATH=/bin", w + "ENV_EMPTY=", w + "AFTER=db",
         w + "OPTIONAL=true", w + "RESTART=on-failure", w + "RESTART_DELAY=1s",
         w + "RESTART_MAX_DELAY=2s", w + "RESTART_RESET=3s", w + "SUCCESS_CODES=143,3,3",
         w + "CRITICAL=1", w + "STOP_SIGNAL=SIGQUIT", w + "STOP_TIMEOUT=4s", w + "LOG=json"},
        as_run());
    const WorkerSettings web = worker_of(configuration, "web-api");
    EXPECT_EQ(web.command, (Command{"x", "y"}));
    EXPECT_EQ(web.cwd, "/srv");
    EXPECT_EQ(web.stdin_mode, StdinMode::inherit);
    using Variables = std::vector<std::pair<std::string, std::string>>;
    EXPECT_EQ(web.environment, (Variables{{"PATH", "/bin"}, {"EMPTY", ""}}));
    EXPECT_EQ(web.after, Names{"db"});
    EXPECT_TRUE(web.optional);
    EXPECT_EQ(web.restart, RestartPolicy::on_failure);
    EXPECT_EQ(web.restart_delay, 1s);
    EXPECT_EQ(web.restart_max_delay, 2s);
    EXPECT_EQ(web.restart_reset, 3s);
    EXPECT_EQ(web.success_codes, (ExitCodes{3, 143}));
    EXPECT_TRUE(web.critical);
    EXPECT_EQ(web.stop_signal.number, SIGQUIT);
    EXPECT_EQ(web.stop_timeout, 4s);
    EXPECT_EQ(web.log, WorkerLog::json);
}

TEST(Load, TheLongestDeclaredNameWhoseRestIsASettingWins) {
    const Configuration configuration =
        loaded({"PILOTFISH_WORKERS=web,web-log,web-env", "PILOTFISH_WORKER_WEB_COMMAND=a",
                "PILOTFISH_WORKER_WEB_LOG_COMMAND=b", "PILOTFISH_WORKER_WEB_ENV_COMMAND=c",
                "PILOTFISH_WORKER_WEB_LOG=none", "PILOTFISH_WORKER_WEB_LOG_LOG=json",
                "PILOTFISH_WORKER_WEB_ENV_PATH=/x"},
               as_run());
    EXPECT_EQ(worker_of(configuration, "web").command, Command{"a"});
    EXPECT_EQ(worker_of(configuration, "web-log").command, Command{"b"});
    EXPECT_EQ(worker_of(configuration, "web-env").command, Command{"c"});
    EXPECT_EQ(worker_of(configuration, "web").log, WorkerLog::none);
    EXPECT_EQ(worker_of(configuration, "web-log").log, WorkerLog::json);
    ASSERT_EQ(worker_of(configuration, "web").environment.size(), 1u);
    EXPECT_EQ(worker_of(configuration, "web").environment[0].first, "PATH");
}

TEST(Load, TheOrderOfTheEnvironmentDoesNotMatter) {
    const Configuration configuration =
        loaded({"PILOTFISH_WORKER_WEB_COMMAND=a", "PILOTFISH_UNKNOWN=1",
                "PILOTFISH_LOG_FORMAT=json", "PILOTFISH_WORKERS=web", "PILOTFISH_STRICT=false"},
               as_run());
    EXPECT_EQ(worker_of(configuration, "web").log, WorkerLog::json);
    EXPECT_EQ(configuration.warnings.size(), 1u);
}

TEST(Load, IgnoresWhatIsNotPilotfishs) {
    EXPECT_EQ(faults({"PATH=/bin", "PILOTFISH=1", "XPILOTFISH_MAXPROC=1", "pilotfish_maxprocs=x",
                      "=", ""}),
              "");
    EXPECT_TRUE(load(nullptr, as_entrypoint()).ok());
}

TEST(Load, IgnoresTheVersionWhatAPilotfishHandsDownAndServicesOfKubernetes) {
    EXPECT_EQ(faults({"PILOTFISH_VERSION=0.1.0", "PILOTFISH_WORKER=web", "PILOTFISH_INSTANCE=0",
                      "PILOTFISH_PORT=tcp://10.0.0.1:80", "PILOTFISH_SERVICE_HOST=10.0.0.1",
                      "PILOTFISH_ADMIN_SERVICE_PORT_HTTP=80", "PILOTFISH_PORT_80_TCP_PROTO=tcp"}),
              "");
    EXPECT_NE(faults({"PILOTFISH_PORT=8080"}), "");
}

TEST(Load, ADeclaredWorkersSettingComesBeforeAServiceOfThatName) {
    const Configuration configuration =
        loaded({"PILOTFISH_WORKERS=x", "PILOTFISH_WORKER_X_COMMAND=a",
                "PILOTFISH_WORKER_X_ENV_A_SERVICE_PORT=80"},
               as_run());
    ASSERT_EQ(worker_of(configuration, "x").environment.size(), 1u);
    EXPECT_EQ(worker_of(configuration, "x").environment[0].first, "A_SERVICE_PORT");
}

TEST(Load, ABadValueIsToldWithNameValueAndAcceptedForm) {
    EXPECT_EQ(
        faults({"PILOTFISH_MAXPROCS=two"}),
        "cannot use PILOTFISH_MAXPROCS=\"two\": it needs a whole number from 1 to 4096, or auto");
    EXPECT_EQ(
        faults({"PILOTFISH_STOP_TIMEOUT=10"}),
        "cannot use PILOTFISH_STOP_TIMEOUT=\"10\": it has no unit: 10s?; it needs a duration with "
        "its unit, such as 250ms, 10s or 5m, or 0");
    EXPECT_EQ(faults({"PILOTFISH_WORKER_MAIN_RESTART=sometimes"}),
              "cannot use PILOTFISH_WORKER_MAIN_RESTART=\"sometimes\": it needs always, on-failure "
              "or never");
    EXPECT_EQ(
        faults({"PILOTFISH_MAXPROCS="}),
        "cannot use PILOTFISH_MAXPROCS: it is empty; it needs a whole number from 1 to 4096, or "
        "auto, or unset it for the default");
}

TEST(Load, EveryFaultIsToldNotOnlyTheFirst) {
    const std::string all =
        faults({"PILOTFISH_MAXPROCS=x", "PILOTFISH_LOG_LEVEL=loud", "PILOTFISH_STRICT=maybe",
                "PILOTFISH_NOSUCH=1", "PILOTFISH_WORKER_MAIN_LOG=x"});
    EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 4) << all;
    for (const char* name : {"MAXPROCS", "LOG_LEVEL", "STRICT", "NOSUCH", "MAIN_LOG"}) {
        EXPECT_NE(all.find(name), std::string::npos) << name;
    }
}

TEST(Load, AnUnknownNameStopsTheStartUnlessToldOtherwise) {
    EXPECT_EQ(
        faults({"PILOTFISH_MAXPROC=2"}),
        "cannot use PILOTFISH_MAXPROC: there is no such setting; did you mean PILOTFISH_MAXPROCS? "
        "(PILOTFISH_STRICT=false ignores unknown names)");
    const Configuration configuration =
        loaded({"PILOTFISH_MAXPROC=2", "PILOTFISH_STRICT=false"}, as_entrypoint());
    ASSERT_EQ(configuration.warnings.size(), 1u);
    EXPECT_TRUE(configuration.warnings[0].starts_with("ignored PILOTFISH_MAXPROC: "));
}

TEST(Load, WhatIsNotImplementedIsUnknown) {
    for (const char* entry : {"PILOTFISH_TRACEBACK=all", "PILOTFISH_DEBUG=schedtrace=1000"}) {
        EXPECT_NE(faults({entry}), "") << entry;
    }
}

TEST(Load, AnEntrypointRefusesMoreWorkersAndASecondCommand) {
    EXPECT_EQ(
        faults({"PILOTFISH_WORKERS=web"}),
        "cannot use PILOTFISH_WORKERS=\"web\": an entrypoint has one worker, main; for several: "
        "pilotfish run -- COMMAND...");
    EXPECT_EQ(faults({"PILOTFISH_WORKER_MAIN_COMMAND=x"}),
              "cannot use PILOTFISH_WORKER_MAIN_COMMAND=\"x\": the command line gives main's "
              "command too; "
              "keep one of them");
}

TEST(Load, WorkerNamesAreChecked) {
    for (const char* names :
         {"Web", "1web", "web_api", "-web", "web,", "web,web", "web api", "web@1", "é"}) {
        EXPECT_NE(faults({std::string("PILOTFISH_WORKERS=") + names}, as_run()), "") << names;
    }
    EXPECT_NE(faults({"PILOTFISH_WORKERS=web,web"}, as_run()).find("names web twice"),
              std::string::npos);
}

TEST(Load, ARepeatedVariableCountsOnceAndIsWarnedOf) {
    const Configuration configuration =
        loaded({"PILOTFISH_MAXPROCS=2", "PILOTFISH_MAXPROCS=3"}, as_entrypoint());
    EXPECT_EQ(configuration.settings.maxprocs, 2);
    ASSERT_EQ(configuration.warnings.size(), 1u);
    EXPECT_EQ(configuration.warnings[0], "PILOTFISH_MAXPROCS is set twice: the first one counts");
}

TEST(Load, WarnsOfACommandThatOnlyAShellWouldUnderstand) {
    const Configuration configuration =
        loaded({"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_COMMAND=a | b"}, as_run());
    ASSERT_EQ(configuration.warnings.size(), 1u);
    EXPECT_NE(configuration.warnings[0].find("\"|\""), std::string::npos);
}

TEST(Load, LeavesTheSocketOfThePilotfishAboveAlone) {
    const std::string above = "PILOTFISH_CONTROL_SOCKET=unix:/run/pilotfish/control.sock";
    EXPECT_EQ(loaded({"PILOTFISH_INSTANCE=web", above}, as_entrypoint()).settings.control_socket,
              config::ControlSocket{});
    EXPECT_EQ(loaded({above, "PILOTFISH_INSTANCE=web"}, as_entrypoint()).settings.control_socket,
              config::ControlSocket{})
        << "wherever the mark of a worker stands";
    EXPECT_NE(faults({above}), "") << "nobody above: it was meant as a setting, and is none";
    const Configuration own =
        loaded({"PILOTFISH_INSTANCE=web", "PILOTFISH_CONTROL_SOCKET=/own"}, as_entrypoint());
    EXPECT_EQ(own.settings.control_socket.path, "/own") << "what ENV_ gave it is its own";
}

TEST(Load, NeverShowsASecret) {
    const std::string fault =
        faults({"PILOTFISH_ADMIN_TOKEN=hunter2 x", "PILOTFISH_READ_TOKEN=hunter2\n"});
    EXPECT_NE(fault.find("PILOTFISH_ADMIN_TOKEN"), std::string::npos);
    EXPECT_NE(fault.find("PILOTFISH_READ_TOKEN"), std::string::npos);
    EXPECT_EQ(fault.find("hunter2"), std::string::npos) << fault;
}

TEST(Load, CheckAcceptsSettingsOfAMainWhoseCommandTheImageHas) {
    const Configuration configuration =
        loaded({"PILOTFISH_WORKER_MAIN_STOP_TIMEOUT=3s"}, as_check());
    EXPECT_EQ(worker_of(configuration, "main").stop_timeout, 3s);
    EXPECT_EQ(configuration.settings.signals, SignalPolicy::by_mode);
    EXPECT_TRUE(loaded({}, as_check()).workers.empty());
    EXPECT_NE(faults({"PILOTFISH_WORKERS=web"}, as_check()), "");
}

TEST(Load, CheckWithACommandResolvesAsTheEntrypointWould) {
    Invocation invocation = as_check();
    invocation.command = {"app"};
    const Configuration configuration = loaded({}, invocation);
    EXPECT_EQ(worker_of(configuration, "main").command, Command{"app"});
    EXPECT_EQ(configuration.settings.signals, SignalPolicy::forward);
}

}  // namespace
}  // namespace pilotfish::config
