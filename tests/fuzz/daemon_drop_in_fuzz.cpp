// Fuzzes the command lines of the drop-in inits: words are the input's, parted by zero bytes. What
// is taken must be what the rest of the program relies on.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/check.h"
#include "daemon/dumb_init_options.h"
#include "daemon/tini_options.h"

namespace {

using namespace pilotfish;

char* unset(const char*) { return nullptr; }

// getopt sorts the words: each parser gets its own.
std::vector<std::string> words_of(const std::uint8_t* data, std::size_t size) {
    std::vector<std::string> words = {"init", ""};
    for (std::size_t at = 0; at < size; ++at) {
        if (data[at] == 0)
            words.emplace_back();
        else
            words.back().push_back(static_cast<char>(data[at]));
    }
    return words;
}

std::vector<char*> argv_of(std::vector<std::string>& words) {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    return argv;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    // getopt's complaints would be all that there is to see.
    opterr = 0;
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::string> words = words_of(data, size);
    std::vector<char*> argv = argv_of(words);
    const int argc = static_cast<int>(words.size());
    const auto tini = daemon::parse_tini(argc, argv.data(), unset);
    if (const auto* options = std::get_if<daemon::TiniOptions>(&tini)) {
        PF_CHECK(options->command[0] != nullptr, "tini without a program");
        PF_CHECK(options->parent_death_signal >= 0 && options->parent_death_signal <= 64, "-p");
        for (const int code : options->good_codes) PF_CHECK(code >= 0 && code <= 255, "-e");
    }
    words = words_of(data, size);
    argv = argv_of(words);
    const auto dumb_init = daemon::parse_dumb_init(argc, argv.data(), unset);
    if (const auto* options = std::get_if<daemon::DumbInitOptions>(&dumb_init)) {
        PF_CHECK(options->command[0] != nullptr, "dumb-init without a program");
        for (int signal = 1; signal <= 64; ++signal) {
            const int as = options->rewritten(signal);
            PF_CHECK(as >= 0 && (as <= 31 || as == signal), "-r");
        }
    }
    return 0;
}
