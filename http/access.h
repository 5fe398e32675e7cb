// Who may do what: the level a request has by where it comes from and by the token it shows, and
// the checks that keep a web page from reaching us through its reader's browser.
//
// Any thread, concurrently. Owns its tokens. Blocks: a stat of the token file for each request that
// shows a token, and a read of it when it changed. Fails: a token file that cannot be read is no
// token, and is logged once for each change.
#pragma once

#include <sys/stat.h>

#include <mutex>
#include <string>
#include <string_view>

#include "http/message.h"
#include "http/server.h"

namespace pilotfish::http {

// Compares in a time that depends on the lengths alone.
bool equal_in_constant_time(std::string_view a, std::string_view b);

// A bearer token that is a value or the content of a file.
class Token {
  public:
    explicit Token(TokenSetting setting);

    bool configured() const { return !setting_.value.empty() || !setting_.file.empty(); }
    bool matches(std::string_view shown);

  private:
    void reread_if_changed();

    const TokenSetting setting_;
    std::mutex mutex_;
    std::string current_;  // guarded by mutex_, as all below
    struct stat seen_{};   // of the file when current_ was read
    bool ever_looked_ = false;
};

class Access {
  public:
    Access(TokenSetting admin, TokenSetting read);

    struct Grant {
        Level level = Level::open;
        bool token_shown = false;
        bool token_good = false;
    };
    Grant judge(const Peer& peer, const Head& head);

    // Whether a token could raise a request to that level.
    bool token_could_give(Level level) const;

  private:
    Token admin_;
    Token read_;
};

// Empty: good. Else why a request that came over loopback is refused: a Host that is neither an
// address nor localhost (DNS rebinding), or an Origin that is another site's (a foreign web page).
std::string_view cross_site_reason(const Peer& peer, const Head& head);

}  // namespace pilotfish::http
