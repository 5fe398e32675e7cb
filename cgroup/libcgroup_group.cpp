#include "cgroup/libcgroup_group.h"

#ifdef PILOTFISH_LIBCGROUP
#include <libcgroup.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>

#include "core/log.h"
#endif

namespace pilotfish::cgroup {

#ifdef PILOTFISH_LIBCGROUP

namespace {

std::mutex library_mutex;

void take_log_line(void*, int, const char* format, va_list arguments) {
    char line[512];
    std::vsnprintf(line, sizeof line, format, arguments);
    core::log(core::LogLevel::debug, "cgroup", std::string("libcgroup: ") + line);
}

core::Error failure(const std::string& what, int code) {
    return {"cannot " + what + " by libcgroup: " + cgroup_strerror(code)};
}

// Requires: library_mutex. As it was at the first call; mounts do not come and go in a container.
int start_once() {
    static const int code = [] {
        cgroup_set_logger(take_log_line, CGROUP_LOG_WARNING, nullptr);
        return cgroup_init();
    }();
    return code;
}

std::string mount_point_of(const std::string& controller) {
    char* found = nullptr;
    if (cgroup_get_subsys_mount_point(controller.c_str(), &found) != 0) return {};
    const std::unique_ptr<char, decltype(&std::free)> owned(found, std::free);
    return owned.get();
}

struct FreeGroup {
    void operator()(::cgroup* group) const { cgroup_free(&group); }
};

}  // namespace

bool has_libcgroup() noexcept { return true; }

core::Result<void> create_with_libcgroup(const std::string& controller,
                                         const std::string& mount_point, const std::string& name,
                                         const std::vector<GroupValue>& values) {
    const std::lock_guard lock(library_mutex);
    const std::string what = "make group " + mount_point + "/" + name;
    if (const int code = start_once(); code != 0) return failure(what, code);
    // It takes the first mount of a controller that /proc/mounts shows, whatever of the hierarchy
    // is mounted there.
    if (mount_point_of(controller) != mount_point) {
        return core::Error{"cannot " + what + " by libcgroup: it knows " + controller +
                           " by another mount"};
    }
    const std::unique_ptr<::cgroup, FreeGroup> group(cgroup_new_cgroup(name.c_str()));
    ::cgroup_controller* part =
        group ? cgroup_add_controller(group.get(), controller.c_str()) : nullptr;
    if (part == nullptr) return failure(what, ECGFAIL);
    for (const GroupValue& value : values) {
        const int code = cgroup_add_value_string(part, value.file.c_str(), value.text.c_str());
        if (code != 0) return failure(what, code);
    }
    constexpr int kLeaveOwner = 1;
    if (const int code = cgroup_create_cgroup(group.get(), kLeaveOwner); code != 0)
        return failure(what, code);
    return {};
}

#else

bool has_libcgroup() noexcept { return false; }

core::Result<void> create_with_libcgroup(const std::string&, const std::string&, const std::string&,
                                         const std::vector<GroupValue>&) {
    return core::Error{"cannot make a group by libcgroup: this build has none"};
}

#endif

}  // namespace pilotfish::cgroup
