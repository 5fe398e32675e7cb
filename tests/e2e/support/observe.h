// What the kernel says about processes, and the admin plane about the daemon.
//
// One thread. Owns nothing. eventually() and http_get() block up to a deadline.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pilotfish::e2e {

// Looks again and again until it is true. False after kPatience: for what the kernel announces to
// nobody, never in place of an event that can be waited for.
bool eventually(const std::function<bool()>& condition);

// A field of /proc/PID/status, e.g. "SigBlk"; empty when the process is gone.
std::string status_field(pid_t pid, std::string_view field);
std::vector<pid_t> children_of(pid_t pid);
std::string command_of(pid_t pid);  // /proc/PID/comm
bool exists(pid_t pid);             // zombies exist

struct Answer {
    int status = 0;  // 0: no answer
    std::string head;
    std::string body;
};
// One request over a connection of its own.
Answer http_get(int port, const std::string& path);
int free_port();

// Every test of the real binary: orphans come to the test program (a subreaper), and at the end
// nothing may be left of what the test started.
class EndToEnd : public testing::Test {
  protected:
    void SetUp() override;
    void TearDown() override;
};

}  // namespace pilotfish::e2e
