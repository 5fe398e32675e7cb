#include "tests/support/test_support.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/check.h"

namespace pilotfish::tests {

TempDir::TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "pilotfish-test-XXXXXX").string();
    PF_CHECK(mkdtemp(name.data()) != nullptr, "cannot make a temporary directory");
    path_ = name;
}

TempDir::~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void TempDir::write(const std::string& relative, const std::string& text) const {
    const std::filesystem::path file = std::filesystem::path(path_) / relative;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary);
    out << text;
    PF_CHECK(out.flush().good(), "cannot write " + file.string());
}

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    PF_CHECK(in.good(), "cannot read " + path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

}  // namespace pilotfish::tests
