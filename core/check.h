// PF_CHECK: a bug ends the process, in release builds too, saying what was expected and showing the
// native stack of this thread and the stacks of all tasks.
//
// Any thread. Blocks only on its way to abort().
#pragma once

#include <string_view>

namespace pilotfish::core {

[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               std::string_view message) noexcept;

// Called once by check_failed before abort, after the message and the native stack. The runtime
// registers its task dump here. Any thread; the hook must not allocate more than it must.
void set_check_dump_hook(void (*hook)(int fd) noexcept) noexcept;

}  // namespace pilotfish::core

// PF_CHECK(condition, "message"): the message says which promise was broken.
#define PF_CHECK(condition, message)                   \
    (__builtin_expect(static_cast<bool>(condition), 1) \
         ? static_cast<void>(0)                        \
         : ::pilotfish::core::check_failed(__FILE__, __LINE__, #condition, message))
