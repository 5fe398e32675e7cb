#include "tests/e2e/support/observe.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/e2e/support/process.h"

namespace pilotfish::e2e {
namespace {

std::string slurp(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

std::string proc(pid_t pid, std::string_view file) {
    return "/proc/" + std::to_string(pid) + "/" + std::string(file);
}

sockaddr_in loopback(int port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

}  // namespace

bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(2ms);
    }
    return true;
}

std::string status_field(pid_t pid, std::string_view field) {
    std::istringstream lines(slurp(proc(pid, "status")));
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(field) || line.size() <= field.size() || line[field.size()] != ':')
            continue;
        const std::size_t start = line.find_first_not_of(" \t", field.size() + 1);
        return start == std::string::npos ? "" : line.substr(start);
    }
    return "";
}

std::vector<pid_t> children_of(pid_t pid) {
    std::vector<pid_t> result;
    DIR* const tasks = opendir(proc(pid, "task").c_str());
    if (tasks == nullptr) return result;
    while (const dirent* task = readdir(tasks)) {
        if (task->d_name[0] == '.') continue;
        std::istringstream pids(slurp(proc(pid, "task/") + task->d_name + "/children"));
        for (pid_t child; pids >> child;) result.push_back(child);
    }
    closedir(tasks);
    return result;
}

std::string command_of(pid_t pid) {
    std::string name = slurp(proc(pid, "comm"));
    if (!name.empty()) name.pop_back();
    return name;
}

bool exists(pid_t pid) { return kill(pid, 0) == 0; }

Answer http_get(int port, const std::string& path) {
    Answer answer;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    const timeval patience = {std::chrono::seconds(kPatience / 1s).count(), 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        const std::string request =
            "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        std::string text;
        char block[65536];
        if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(request.size()))
            for (ssize_t got; (got = recv(fd, block, sizeof block, 0)) > 0;)
                text.append(block, static_cast<std::size_t>(got));
        const std::size_t end = text.find("\r\n\r\n");
        if (text.starts_with("HTTP/1.1 ") && end != std::string::npos)
            answer = {std::stoi(text.substr(9)), text.substr(0, end), text.substr(end + 4)};
    }
    close(fd);
    return answer;
}

int free_port() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    bind(fd, reinterpret_cast<sockaddr*>(&address), size);
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    close(fd);
    return ntohs(address.sin_port);
}

void EndToEnd::SetUp() {
    ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    ASSERT_TRUE(children_of(getpid()).empty()) << "a process was left by an earlier test";
}

void EndToEnd::TearDown() {
    for (std::vector<pid_t> left = children_of(getpid()); !left.empty();
         left = children_of(getpid())) {
        for (const pid_t pid : left) {
            const bool dead = status_field(pid, "State").starts_with("Z");
            EXPECT_TRUE(dead) << command_of(pid) << " (pid " << pid << ") was left running";
            kill(pid, SIGKILL);
            waitpid(pid, nullptr, 0);
        }
    }
}

}  // namespace pilotfish::e2e
