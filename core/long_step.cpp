#include "core/long_step.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "core/scheduler.h"
#include "core/stack_dump.h"

namespace pilotfish::core {
namespace {

const char* words_of(char state) noexcept {
    switch (state) {
        case 'R': return ", computing";
        case 'S': return ", blocked in the kernel";
        case 'D': return ", blocked in the kernel, uninterruptibly";
        default: return "";
    }
}

// The pointer is not followed: the task may be gone. The census says who has this address.
std::string name_of(const TaskRecord* record) {
    std::string name = "a task that has ended";
    for_each_task([&](const TaskInfo& task) {
        if (task.record != record) return true;
        name = task_title(task.id, task.tags.get());
        return false;
    });
    return name;
}

}  // namespace

char thread_state(pid_t tid) noexcept {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return '\0';
    char text[128];
    const ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0) return '\0';
    text[length] = '\0';
    // "12 (name) S ...", and a name may have parentheses.
    const char* end = std::strrchr(text, ')');
    return end && end[1] != '\0' ? end[2] : '\0';
}

std::string text_of_long_step(Machine& machine, const TaskRecord* task, std::uint32_t processor,
                              std::int64_t age_ns) {
    // Before the signal makes it run.
    const char* doing = words_of(thread_state(machine.native.tid()));
    NativeStack stack;
    const bool answered = machine.native.capture(stack, std::chrono::milliseconds(100));
    std::string line = name_of(task);
    line += " has held processor " + std::to_string(processor) + " for " +
            std::to_string(age_ns / 1'000'000) + " ms without suspending" + doing;
    if (!answered)
        line += "; its thread does not answer";
    else if (stack.task == task)
        line += "; it is in " + to_text(stack, " < ");
    return line;
}

}  // namespace pilotfish::core
