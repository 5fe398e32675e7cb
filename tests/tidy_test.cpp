// Walks the tree and keeps what a compiler cannot: who may include whom, where each package lives,
// one namespace a folder, short files, tests that mirror sources, a feature table that leads
// somewhere. Each rule is first tried on a planted breach: a rule that catches nothing is worse
// than none.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using Complaints = std::vector<std::string>;

struct File {
    std::string path;  // from the root: "core/log.h"
    std::string text;
};

const std::set<std::string> kFolders{"core", "cgroup", "config", "http", "daemon", "tests"};

// Rows may include columns (design: architecture, "Who may include whom").
const std::map<std::string, std::set<std::string>> kMayInclude{
    {"core", {"core"}},
    {"cgroup", {"core", "cgroup"}},
    {"config", {"core", "config"}},
    {"http", {"core", "http"}},
    {"daemon", {"core", "cgroup", "config", "http", "daemon"}},
    {"tests", kFolders}};

// The folders each package may be included from; tests may use them all.
const std::map<std::string, std::set<std::string>> kPackageHomes{
    {"nlohmann/", {"http", "config", "daemon"}},
    {"httplib.h", {"http"}},
    {"spdlog/", {"daemon"}},
    {"libcgroup.h", {"cgroup"}},
    {"gtest/", {}},
    {"gmock/", {}}};

// Dear to compile, and never needed where every file that includes the header pays for them.
const std::set<std::string> kDearHeaders{"iostream", "regex", "nlohmann/json.hpp", "httplib.h"};

// Namespaces beside the folder's own: core mirrors Go's package runtime (design: architecture).
const std::map<std::string, std::set<std::string>> kMoreNamespaces{{"core", {"runtime"}}};

// Files over the limit: the lines they may have and why they are one piece. May only shrink: an
// entry goes when its file fits.
struct Exception {
    std::size_t lines;
    std::string reason;
};
constexpr std::size_t kMostLines = 400;
const std::map<std::string, Exception> kLongFiles{};

// Tests of more than one source file, or of none: what they cover instead.
const std::map<std::string, std::string> kTestsWithoutTheirSource{
    {"tests/tidy_test.cpp", "the tree"},
    {"tests/core/explorer_test.cpp", "what the model tests stand on"},
    {"tests/core/run_queue_model_test.cpp", "core/run_queue.h in every interleaving"},
    {"tests/core/park_model_test.cpp", "the protocol of core/idle.cpp in every interleaving"},
    {"tests/core/stress_test.cpp", "all that tasks can do, at once"},
    {"tests/core/max_procs_test.cpp", "the scheduler while its processors come and go"},
    {"tests/core/watcher_trouble_test.cpp",
     "core/watcher.h where none can be made, or all else sleeps"},
    {"tests/core/scheduler_latency_test.cpp", "how long the scheduler lets a task wait"},
    {"tests/core/watcher_rescue_test.cpp", "the last resort of core/watcher.h"},
    {"tests/cgroup/situations_test.cpp", "every recorded container, through the whole folder"},
    {"tests/cgroup/known_faults_test.cpp", "the faults of other tools, each by its number"},
    {"tests/cgroup/live_test.cpp", "the whole folder against the kernel itself"},
    {"tests/daemon/spawn_limits_test.cpp", "daemon/spawn.h: group, OOM score and resource limits"},
    {"tests/http/listener_test.cpp", "bind and close of the server, seen by a client"},
};

// No helper of ours: this test must build when core does not.
std::string read_file(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

std::string folder_of(const std::string& path) { return path.substr(0, path.find('/')); }
bool is_header(const std::string& path) { return path.ends_with(".h"); }
bool is_source(const std::string& path) { return is_header(path) || path.ends_with(".cpp"); }

template <class Act>
void for_each_line(const std::string& text, Act act) {
    std::size_t number = 1;
    for (std::size_t at = 0; at < text.size(); ++number) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        act(number, text.substr(at, end - at));
        at = end + 1;
    }
}

std::string place(const File& file, std::size_t line) {
    return file.path + ":" + std::to_string(line) + ": ";
}

Complaints check_includes(const File& file) {
    Complaints complaints;
    const std::string folder = folder_of(file.path);
    static const std::regex include(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re");
    for_each_line(file.text, [&](std::size_t line, const std::string& text) {
        std::smatch match;
        if (text.find("include") == text.npos || !std::regex_search(text, match, include)) return;
        const std::string header = match[2];
        if (match[1] == "\"") {
            const std::string from = folder_of(header);
            if (header.find('/') == header.npos || !kFolders.contains(from)) {
                complaints.push_back(
                    place(file, line) + header +
                    ": write our headers from the root (\"core/log.h\"), others as <...>");
            } else if (!kMayInclude.at(folder).contains(from)) {
                complaints.push_back(place(file, line) + folder + " may not include " + header +
                                     ": pass it the values, or let daemon/ put the two together");
            }
        }
        for (const auto& [package, homes] : kPackageHomes) {
            if (!header.starts_with(package) || folder == "tests" || homes.contains(folder))
                continue;
            complaints.push_back(place(file, line) + header + " has no home in " + folder + "/");
        }
        if (is_header(file.path) && folder != "tests" && kDearHeaders.contains(header)) {
            complaints.push_back(place(file, line) + "<" + header +
                                 "> makes every file that includes " + file.path +
                                 " slow to compile: move it to the .cpp");
        }
    });
    return complaints;
}

Complaints check_namespaces(const File& file) {
    Complaints complaints;
    const std::string folder = folder_of(file.path);
    if (folder == "tests") return complaints;
    std::set<std::string> allowed{folder};
    if (const auto more = kMoreNamespaces.find(folder); more != kMoreNamespaces.end()) {
        allowed.insert(more->second.begin(), more->second.end());
    }
    bool any = false;
    static const std::regex opened(R"(^namespace pilotfish(::(\w+))?)");
    for_each_line(file.text, [&](std::size_t line, const std::string& text) {
        std::smatch match;
        if (!text.starts_with("namespace") || !std::regex_search(text, match, opened)) return;
        any = true;
        if (allowed.contains(match[2])) return;
        complaints.push_back(place(file, line) + "only namespace pilotfish::" + folder +
                             " is opened in " + folder + "/");
    });
    // Only the program's entry and what C calls need none.
    if (!any && file.path != "daemon/main.cpp" &&
        file.text.find("extern \"C\"") == file.text.npos) {
        complaints.push_back(file.path + ": opens no namespace pilotfish::" + folder);
    }
    return complaints;
}

Complaints check_length(const File& file) {
    const auto lines =
        static_cast<std::size_t>(std::count(file.text.begin(), file.text.end(), '\n'));
    const auto known = kLongFiles.find(file.path);
    if (known == kLongFiles.end()) {
        if (lines <= kMostLines) return {};
        return {file.path + ": " + std::to_string(lines) + " lines; split it by noun at " +
                std::to_string(kMostLines) + ", or give kLongFiles a reason"};
    }
    if (lines <= kMostLines) return {file.path + ": fits now; take it out of kLongFiles"};
    if (lines <= known->second.lines) return {};
    return {file.path + ": " + std::to_string(lines) + " lines; its exception ends at " +
            std::to_string(known->second.lines) + " and may only shrink"};
}

Complaints check_header(const File& file) {
    Complaints complaints;
    if (!is_header(file.path)) return complaints;
    if (!file.text.starts_with("//")) {
        complaints.push_back(file.path +
                             ": open with what it is, who may call it, who owns, how it fails");
    }
    if (file.text.find("#pragma once") == file.text.npos) {
        complaints.push_back(file.path + ": lacks #pragma once");
    }
    return complaints;
}

// Put together here so that this file does not breach its own rule.
const std::vector<std::string> kForbidden{std::string("TO") + "DO", std::string("FIX") + "ME",
                                          std::string("/tmp") + "/wt", std::string("/wo") + "rk/"};

Complaints check_words(const File& file) {
    Complaints complaints;
    for_each_line(file.text, [&](std::size_t line, const std::string& text) {
        for (const std::string& word : kForbidden) {
            if (text.find(word) == text.npos) continue;
            complaints.push_back(place(file, line) + word +
                                 ": finish it or file an issue; name no machine's own paths");
        }
    });
    return complaints;
}

Complaints check_tests(const File& file) {
    Complaints complaints;
    if (folder_of(file.path) != "tests") return complaints;
    static const std::regex disabled(std::string("\\bDISA") + "BLED_\\w");
    for_each_line(file.text, [&](std::size_t line, const std::string& text) {
        if (text.find("BLED_") == text.npos || !std::regex_search(text, disabled)) return;
        complaints.push_back(place(file, line) +
                             "a test that is switched off proves nothing: mend it");
    });
    return complaints;
}

// tests/core/log_test.cpp tests core/log.h or core/log.cpp. tests/e2e drives the whole program: its
// tests are named after what a user sees.
Complaints check_mirror(const std::string& path,
                        const std::function<bool(const std::string&)>& exists) {
    static const std::regex test(R"(tests/(\w+)/(\w+)_test\.cpp)");
    std::smatch match;
    if (!path.ends_with("_test.cpp") || path.starts_with("tests/e2e/")) return {};
    if (kTestsWithoutTheirSource.contains(path)) return {};
    if (std::regex_match(path, match, test)) {
        const std::string source = match[1].str() + "/" + match[2].str();
        if (exists(source + ".h") || exists(source + ".cpp")) return {};
    }
    return {path +
            ": name it after the source file it tests, or say in kTestsWithoutTheirSource what it "
            "covers"};
}

// Rows "| words | `core/log.h`, `core/check.{h,cpp}` |" between the two markers.
Complaints check_features(const std::string& readme,
                          const std::function<bool(const std::string&)>& exists) {
    const std::size_t begin = readme.find("<!-- features -->");
    const std::size_t end = readme.find("<!-- /features -->");
    if (begin == readme.npos || end == readme.npos || end < begin) {
        return {"README.md: has no table between <!-- features --> and <!-- /features -->"};
    }
    Complaints complaints;
    std::size_t paths = 0;
    static const std::regex quoted("`([^`]+)`");
    static const std::regex braces(R"((.*)\{(.*)\}(.*))");
    for_each_line(readme.substr(begin, end - begin), [&](std::size_t, const std::string& row) {
        if (!row.starts_with("|") || row.starts_with("|-")) return;
        const std::size_t second = row.find('|', 1);
        const std::string cell = second == row.npos ? "" : row.substr(second);
        for (std::sregex_iterator at(cell.begin(), cell.end(), quoted), none; at != none; ++at) {
            ++paths;
            std::vector<std::string> names{(*at)[1]};
            std::smatch parts;
            if (const std::string name = names[0]; std::regex_match(name, parts, braces)) {
                names.clear();
                const std::string choices = parts[2].str() + ",";
                for (std::size_t from = 0, comma = 0;
                     (comma = choices.find(',', from)) != choices.npos; from = comma + 1) {
                    names.push_back(parts[1].str() + choices.substr(from, comma - from) +
                                    parts[3].str());
                }
            }
            for (const std::string& name : names) {
                if (!exists(name))
                    complaints.push_back("README.md: no such file " + name + " in: " + row);
            }
        }
    });
    if (paths == 0) complaints.push_back("README.md: its feature table names no file");
    return complaints;
}

bool in_tree(const std::string& path) { return fs::exists(fs::path(PILOTFISH_SOURCE_DIR) / path); }

// Every file that is ours: no build trees, no hidden folders but .ci, no recorded test data.
const std::vector<File>& tree() {
    static const std::vector<File> files = [] {
        std::vector<File> found;
        const fs::path root(PILOTFISH_SOURCE_DIR);
        for (auto at = fs::recursive_directory_iterator(root);
             at != fs::recursive_directory_iterator(); ++at) {
            const std::string name = at->path().filename().string();
            const std::string path = at->path().lexically_relative(root).string();
            const bool hidden = name.starts_with('.') && name != ".ci" && name != ".clang-tidy";
            const bool skipped =
                hidden || path == "build" || name == "testdata" || name == "corpus";
            if (at->is_directory()) {
                if (skipped) at.disable_recursion_pending();
            } else if (!hidden && at->is_regular_file()) {
                found.push_back({path, read_file(at->path())});
            }
        }
        return found;
    }();
    return files;
}

std::string joined(const Complaints& complaints) {
    std::string text;
    for (const std::string& complaint : complaints) text.append(complaint).append("\n");
    return text;
}

// All complaints of one rule over the sources (or over every file), as one readable failure.
std::string over_tree(Complaints (*rule)(const File&), bool sources_only = true) {
    Complaints all;
    for (const File& file : tree()) {
        if (sources_only && !(is_source(file.path) && kFolders.contains(folder_of(file.path))))
            continue;
        const Complaints some = rule(file);
        all.insert(all.end(), some.begin(), some.end());
    }
    return joined(all);
}

TEST(Tidy, TheWalkSeesTheTree) {
    const auto sources = std::count_if(tree().begin(), tree().end(),
                                       [](const File& file) { return is_source(file.path); });
    EXPECT_GT(sources, 50);
}

TEST(Tidy, APlantedBreachOfEachRuleIsCaught) {
    EXPECT_EQ(check_includes({"core/a.cpp", "#include \"http/b.h\"\n"}).size(), 1u);
    EXPECT_EQ(check_includes({"http/a.cpp", "  #  include \"config/b.h\"\n"}).size(), 1u);
    EXPECT_EQ(check_includes({"core/a.cpp", "#include \"log.h\"\n"}).size(), 1u);
    EXPECT_EQ(check_includes({"core/a.cpp", "#include <nlohmann/json.hpp>\n"}).size(), 1u);
    EXPECT_EQ(check_includes({"http/a.h", "#include <httplib.h>\n"}).size(), 1u);
    EXPECT_EQ(check_includes({"daemon/a.cpp", "#include <gtest/gtest.h>\n"}).size(), 1u);
    EXPECT_EQ(check_includes({"core/a.h", "#include <iostream>\n"}).size(), 1u);
    EXPECT_EQ(check_namespaces({"core/a.cpp", "namespace pilotfish::http {\n"}).size(), 1u);
    EXPECT_EQ(check_namespaces({"core/a.cpp", "int a;\n"}).size(), 1u);
    EXPECT_EQ(check_length({"core/a.cpp", std::string(401, '\n')}).size(), 1u);
    EXPECT_EQ(check_header({"core/a.h", "int a;\n"}).size(), 2u);
    EXPECT_EQ(check_words({"core/a.h", "// " + kForbidden[0] + " later\n"}).size(), 1u);
    EXPECT_EQ(
        check_tests({"tests/core/a_test.cpp", "TEST(A, DISA" + std::string("BLED_B) {}\n")}).size(),
        1u);
    const auto nothing = [](const std::string&) { return false; };
    EXPECT_EQ(check_mirror("tests/core/a_test.cpp", nothing).size(), 1u);
    EXPECT_EQ(check_features("no table", nothing).size(), 1u);
    EXPECT_EQ(
        check_features("<!-- features -->\n| a | `b`, `c.{h,cpp}` |\n<!-- /features -->", nothing)
            .size(),
        3u);
}

TEST(Tidy, WhatKeepsTheRulesIsLeftAlone) {
    EXPECT_EQ(
        joined(check_includes({"daemon/a.cpp", "#include \"http/b.h\"\n#include <spdlog/x.h>\n"})),
        "");
    EXPECT_EQ(joined(check_includes({"config/a.cpp", "#include <nlohmann/json.hpp>\n"})), "");
    EXPECT_EQ(joined(check_includes({"tests/a.cpp", "#include <gtest/gtest.h>\n"})), "");
    EXPECT_EQ(joined(check_namespaces({"core/a.cpp", "namespace pilotfish::core {\n"})), "");
    EXPECT_EQ(joined(check_length({"core/a.cpp", std::string(400, '\n')})), "");
    const auto only_header = [](const std::string& path) { return path == "core/a.h"; };
    EXPECT_EQ(joined(check_mirror("tests/core/a_test.cpp", only_header)), "");
    EXPECT_EQ(joined(check_features("<!-- features -->\n| a | `core/a.{h}` |\n<!-- /features -->",
                                    only_header)),
              "");
}

TEST(Tidy, FoldersIncludeOnlyWhatTheyMay) { EXPECT_EQ(over_tree(check_includes), ""); }
TEST(Tidy, AFolderIsANamespace) { EXPECT_EQ(over_tree(check_namespaces), ""); }
TEST(Tidy, FilesStayShort) { EXPECT_EQ(over_tree(check_length), ""); }
TEST(Tidy, HeadersSayWhatTheyAre) { EXPECT_EQ(over_tree(check_header), ""); }
TEST(Tidy, NoTestIsSwitchedOff) { EXPECT_EQ(over_tree(check_tests), ""); }
TEST(Tidy, NothingIsLeftForLaterOrTiedToAMachine) { EXPECT_EQ(over_tree(check_words, false), ""); }

TEST(Tidy, ExceptionsNameFilesThatExist) {
    for (const auto& [path, exception] : kLongFiles) EXPECT_TRUE(in_tree(path)) << path;
    for (const auto& [path, reason] : kTestsWithoutTheirSource) EXPECT_TRUE(in_tree(path)) << path;
}

TEST(Tidy, TestsAreNamedAfterWhatTheyTest) {
    Complaints all;
    for (const File& file : tree()) {
        const Complaints some = check_mirror(file.path, in_tree);
        all.insert(all.end(), some.begin(), some.end());
    }
    EXPECT_EQ(joined(all), "");
}

TEST(Tidy, TheFeatureTableOfTheReadmeLeadsSomewhere) {
    if (!in_tree("README.md")) GTEST_SKIP() << "no README.md yet";
    EXPECT_EQ(joined(check_features(read_file(PILOTFISH_SOURCE_DIR "/README.md"), in_tree)), "");
}

}  // namespace
