// One small file that says a limit, read once or kept open and read again for under a microsecond.
//
// One thread at a time. Owns its descriptor and its last text. Blocks only as cgroupfs does. Fails:
// by outcome(); ENODEV from a kept descriptor means that the group was removed.
#pragma once

#include <string>
#include <string_view>

#include "cgroup/file_source.h"

namespace pilotfish::cgroup {

enum class Keep { closed, open };

class LimitFile {
  public:
    // With a key, only the line "key value" counts as the text: memory.stat changes with every
    // page.
    explicit LimitFile(std::string path, std::string_view key = {})
        : path_(std::move(path)), key_(key) {}

    // Reads again; an absent file is looked for again. True when the text or the outcome changed.
    bool refresh(const FileSource& source, Keep keep);

    const std::string& path() const { return path_; }
    const std::string& text() const { return text_; }
    const ReadOutcome& outcome() const { return outcome_; }
    bool absent() const { return outcome_.state == ReadState::absent; }
    bool removed() const;  // the group behind a kept descriptor is gone
    bool is_costly() const { return !key_.empty(); }
    bool is_open() const { return static_cast<bool>(fd_); }
    int descriptor() const { return fd_.get(); }  // borrowed; -1: not kept

  private:
    bool become(ReadOutcome outcome, std::string_view text);
    bool read_from(int fd);
    std::string path_;
    std::string key_;
    std::string text_;
    ReadOutcome outcome_{ReadState::absent, 0};
    UniqueFd fd_;
};

// Without control characters: a group's name may hold an escape sequence for the reader's terminal.
std::string printable(std::string_view text);

// A piece of a file for a warning: quoted, short, without control characters.
std::string in_quotes(std::string_view text);

}  // namespace pilotfish::cgroup
