// The rules of `promtool check metrics` (2.42) and what it does not see: duplicate series, samples
// without a family, histograms that are not cumulative. Returns one sentence for each fault.
#pragma once

#include <cctype>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace pilotfish::tests {

class PromLint {
  public:
    static std::vector<std::string> check(const std::string& text, bool openmetrics) {
        PromLint lint(openmetrics);
        if (text.empty() || text.back() != '\n') lint.say("the text does not end with a newline");
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) lint.read(line);
        lint.finish();
        return lint.faults_;
    }

  private:
    explicit PromLint(bool openmetrics) : openmetrics_(openmetrics) {}

    void say(const std::string& fault) { faults_.push_back(fault); }

    static bool ends(const std::string& text, const std::string& suffix) {
        return text.size() >= suffix.size() &&
               text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
    }

    void read(const std::string& line) {
        if (ended_) say("text after # EOF: " + line);
        if (line == "# EOF") {
            ended_ = true;
        } else if (line.rfind("# ", 0) == 0) {
            read_header(line);
        } else {
            read_sample(line);
        }
    }

    void read_header(const std::string& line) {
        std::istringstream words(line);
        std::string hash, what, name, rest;
        words >> hash >> what >> name;
        std::getline(words, rest);
        if (what == "HELP") {
            if (!helped_.insert(name).second) say("HELP twice: " + name);
            if (rest.size() < 2) say("HELP without text: " + name);
            family_ = name;
        } else if (what == "TYPE") {
            if (name != family_) say("TYPE without HELP: " + name);
            if (!types_.emplace(name, rest.substr(1)).second) say("TYPE twice: " + name);
            check_name(name, rest.substr(1));
        } else if (what == "UNIT" && openmetrics_) {
            if (!ends(name, "_" + rest.substr(1)))
                say("the name does not end with its unit: " + name);
        } else {
            say("unknown comment: " + line);
        }
    }

    void check_name(const std::string& name, const std::string& type) {
        const bool counter = type == "counter";
        if (!openmetrics_ && counter != ends(name, "_total"))
            say("_total is for counters: " + name);
        if (openmetrics_ && ends(name, "_total")) say("a family is named without _total: " + name);
        for (const char* suffix : {"_bucket", "_count", "_sum"}) {
            if (ends(name, suffix)) say("a suffix of histograms: " + name);
        }
        if (name.rfind("pilotfish_", 0) != 0) say("without our prefix: " + name);
        for (char letter : name) {
            if (letter != '_' && !std::islower(static_cast<unsigned char>(letter)) &&
                !std::isdigit(static_cast<unsigned char>(letter))) {
                say("not snake_case: " + name);
            }
        }
        std::istringstream parts(name);
        static const std::set<std::string> kBadUnits = {"milliseconds",
                                                        "microseconds",
                                                        "nanoseconds",
                                                        "minutes",
                                                        "hours",
                                                        "days",
                                                        "kilobytes",
                                                        "megabytes",
                                                        "gigabytes",
                                                        "kibibytes",
                                                        "mebibytes",
                                                        "gibibytes",
                                                        "bits",
                                                        "percent",
                                                        "celsius_milli",
                                                        "s",
                                                        "ms",
                                                        "us",
                                                        "ns",
                                                        "sec",
                                                        "b",
                                                        "kb",
                                                        "mb",
                                                        "gb",
                                                        "m",
                                                        "h",
                                                        "d"};
        static const std::set<std::string> kTypes = {"gauge", "counter", "histogram", "summary"};
        for (std::string part; std::getline(parts, part, '_');) {
            if (kBadUnits.count(part) != 0) say("not a base unit, or an abbreviation: " + name);
            if (kTypes.count(part) != 0) say("a type in the name: " + name);
        }
    }

    void read_sample(const std::string& line) {
        const std::size_t space = line.rfind(' ');
        if (space == std::string::npos) return say("not a sample: " + line);
        const std::string series = line.substr(0, space);
        const std::string name = series.substr(0, series.find('{'));
        char* end = nullptr;
        const double value = std::strtod(line.c_str() + space + 1, &end);
        if (*end != '\0' || end == line.c_str() + space + 1) say("not a number: " + line);
        if (!series_.insert(series).second) say("a series twice: " + series);
        const std::string type = types_.count(family_) != 0 ? types_[family_] : "";
        std::set<std::string> allowed = {family_};
        if (type == "histogram")
            allowed = {family_ + "_bucket", family_ + "_sum", family_ + "_count"};
        if (type == "counter" && openmetrics_) allowed = {family_ + "_total"};
        if (allowed.count(name) == 0) say("a sample outside its family: " + line);
        if (name == family_ + "_bucket") {
            if (value < last_bucket_) say("buckets are not cumulative: " + line);
            last_bucket_ = value;
        } else if (type == "histogram" && name == family_ + "_count") {
            if (value != last_bucket_) say("the count is not the last bucket: " + line);
            last_bucket_ = 0;
        }
        sampled_.insert(family_);
    }

    void finish() {
        if (openmetrics_ != ended_)
            say(openmetrics_ ? "# EOF is missing" : "# EOF in the text format");
        for (const auto& [name, type] : types_) {
            if (sampled_.count(name) == 0) say("a family without samples: " + name);
        }
    }

    const bool openmetrics_;
    std::vector<std::string> faults_;
    std::string family_;
    std::set<std::string> helped_, series_, sampled_;
    std::map<std::string, std::string> types_;
    double last_bucket_ = 0;
    bool ended_ = false;
};

}  // namespace pilotfish::tests
