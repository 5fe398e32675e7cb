// Helpers every test target may use.
#pragma once

#include <string>

namespace pilotfish::tests {

// A fresh directory under the system's temporary one, removed with all it holds at the end of life.
class TempDir {
  public:
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    const std::string& path() const { return path_; }
    // Writes text to a file below, making the folders on the way.
    void write(const std::string& relative, const std::string& text) const;

  private:
    std::string path_;
};

// The whole file as text; aborts the test program when it cannot be read.
std::string read_file(const std::string& path);

}  // namespace pilotfish::tests
