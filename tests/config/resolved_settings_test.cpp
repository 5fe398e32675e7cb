#include "config/resolved_settings.h"

#include <gtest/gtest.h>

#include "tests/config/environment.h"

namespace pilotfish::config {
namespace {

Configuration loaded(std::initializer_list<std::string> entries, const Invocation& invocation) {
    const Environment environment(entries);
    core::Result<Configuration> result = load(environment.get(), invocation);
    EXPECT_TRUE(result.ok()) << result.error().message;
    return result.ok() ? std::move(*result) : Configuration{};
}

std::string value_of(const Configuration& configuration, std::string_view variable) {
    for (const ResolvedSetting& setting : resolved_settings(configuration)) {
        if (setting.variable == variable) return setting.value;
    }
    return "no such variable";
}

std::string source_of(const Configuration& configuration, std::string_view variable) {
    for (const ResolvedSetting& setting : resolved_settings(configuration)) {
        if (setting.variable == variable) return setting.source;
    }
    return "no such variable";
}

TEST(ResolvedSettings, SayWhoDecided) {
    const Configuration configuration = loaded({"PILOTFISH_MAXPROCS=2"}, as_entrypoint());
    EXPECT_EQ(source_of(configuration, "PILOTFISH_MAXPROCS"), "PILOTFISH_MAXPROCS");
    EXPECT_EQ(source_of(configuration, "PILOTFISH_MEMLIMIT"), "default");
    EXPECT_EQ(source_of(configuration, "PILOTFISH_WORKER_MAIN_COMMAND"), "command line");
    EXPECT_EQ(source_of(configuration, "PILOTFISH_SIGNALS"), "mode");
}

TEST(ResolvedSettings, SayWhoseTheyAreAndWhatUnsetMeans) {
    const Configuration configuration = loaded({}, as_entrypoint());
    for (const ResolvedSetting& setting : resolved_settings(configuration)) {
        EXPECT_EQ(setting.worker, setting.variable.starts_with("PILOTFISH_WORKER_") ? "main" : "");
        if (setting.variable == "PILOTFISH_WORKER_MAIN_CWD") {
            EXPECT_EQ(setting.unset_words, "the daemon's own");
        }
    }
}

TEST(ResolvedSettings, NeverShowASecret) {
    const Configuration configuration =
        loaded({"PILOTFISH_ADMIN_TOKEN=hunter2", "PILOTFISH_WORKER_MAIN_ENV_PASSWORD=hunter2"},
               as_entrypoint());
    for (const ResolvedSetting& setting : resolved_settings(configuration)) {
        EXPECT_EQ(setting.value.find("hunter2"), std::string::npos) << setting.variable;
    }
    EXPECT_EQ(value_of(configuration, "PILOTFISH_ADMIN_TOKEN"), "(set, not shown)");
    EXPECT_EQ(value_of(configuration, "PILOTFISH_WORKER_MAIN_ENV_PASSWORD"), "(set, not shown)");
}

TEST(ResolvedSettings, EachValueReadsBackToItself) {
    const Configuration first =
        loaded({"PILOTFISH_WORKERS=a,b", "PILOTFISH_WORKER_A_COMMAND=x 'y z'",
                "PILOTFISH_WORKER_B_COMMAND=[\"[\"]", "PILOTFISH_WORKER_B_AFTER=a",
                "PILOTFISH_WORKER_A_SUCCESS_CODES=1,2", "PILOTFISH_MEMLIMIT=87.5%",
                "PILOTFISH_PROBE_LISTEN=[::]:9912,unix:/x"},
               as_run());
    std::vector<std::string> entries;
    for (const ResolvedSetting& setting : resolved_settings(first)) {
        if (!setting.value.empty()) entries.push_back(setting.variable + "=" + setting.value);
    }
    std::vector<const char*> environment;
    for (const std::string& entry : entries) environment.push_back(entry.c_str());
    environment.push_back(nullptr);
    const core::Result<Configuration> again = load(environment.data(), as_run());
    ASSERT_TRUE(again.ok()) << again.error().message;
    for (const ResolvedSetting& setting : resolved_settings(first)) {
        EXPECT_EQ(value_of(*again, setting.variable), setting.value);
    }
}

}  // namespace
}  // namespace pilotfish::config
