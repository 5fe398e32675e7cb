// The child becomes whom it is to run as. Like all of spawn_child.cpp this is system calls only,
// and those by their numbers: libc's setuid and the like would change all threads of the daemon.
//
// The order is the point, as each step takes rights away that the ones before it need:
//  1. what needs rights over resources: nice, io priority (OOM score and limits come earlier);
//  2. the bounding set, which needs CAP_SETPCAP;
//  3. groups, group, user. From root to another user the kernel clears the capabilities, unless it
//     was told to keep the permitted ones;
//  4. permitted, effective and inherited capabilities, then the ambient ones, which are what a
//     program of another user than root keeps through execve; a change of user clears them;
//  5. no_new_privs, which nothing above may meet;
//  6. the directory, so that it is entered with the rights of who will work in it;
//  7. the death signal: a change of credentials clears it. The daemon may have died before.
//
// A change of credentials also makes the memory undumpable, which until the execve is the daemon's
// own too: spawn() puts that right afterwards. It has its good side meanwhile: nobody of the new
// user may look into it.
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "daemon/spawn_plan.h"

namespace pilotfish::daemon {
namespace {

constexpr int kIoPriorityOfProcess = 1;  // IOPRIO_WHO_PROCESS; linux/ioprio.h is no C++
constexpr int kMostCapabilities = 64;    // two words of 32, capget(2)

PF_IN_CHILD void set_priorities(Plan& plan, const Identity& identity) {
    if (identity.nice && syscall(SYS_setpriority, PRIO_PROCESS, 0, *identity.nice) != 0)
        give_up(plan, Stage::nice, errno, nullptr);
    if (identity.io_priority &&
        syscall(SYS_ioprio_set, kIoPriorityOfProcess, 0, *identity.io_priority) != 0)
        give_up(plan, Stage::io_priority, errno, nullptr);
    if (identity.umask) syscall(SYS_umask, *identity.umask);
}

PF_IN_CHILD void bound_capabilities(Plan& plan, const Identity& identity) {
    const CapabilityMask kept = *identity.capabilities;
    for (int capability = 0; capability < kMostCapabilities; ++capability) {
        if ((kept >> capability & 1) != 0) continue;
        const long has = syscall(SYS_prctl, PR_CAPBSET_READ, capability, 0, 0, 0);
        if (has < 0) break;  // behind the last that this kernel knows
        if (has == 0 || syscall(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
        // With no_new_privs nothing is ever gained out of the bounding set.
        if (errno == EPERM && identity.no_new_privs) break;
        give_up(plan, Stage::bounding_set, errno, nullptr);
    }
    if (kept != 0) syscall(SYS_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0);
}

PF_IN_CHILD void become_user(Plan& plan, const Credentials& credentials) {
    const auto& groups = credentials.groups;
    if (groups && syscall(SYS_setgroups, groups->size(), groups->data()) != 0 &&
        !(errno == EPERM && credentials.groups_may_stay))
        give_up(plan, Stage::groups, errno, nullptr);
    if (const auto& group = credentials.group;
        group && syscall(SYS_setresgid, *group, *group, *group) != 0)
        give_up(plan, Stage::group_id, errno, nullptr);
    if (const auto& user = credentials.user;
        user && syscall(SYS_setresuid, *user, *user, *user) != 0)
        give_up(plan, Stage::user_id, errno, nullptr);
}

PF_IN_CHILD void set_capabilities(Plan& plan, CapabilityMask kept) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const auto low = static_cast<__u32>(kept);
    const auto high = static_cast<__u32>(kept >> 32);
    __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{low, low, low}, {high, high, high}};
    if (syscall(SYS_capset, &header, data) != 0) give_up(plan, Stage::capabilities, errno, nullptr);
    // Inherited ones of ours would stay; a kernel before 4.3 has none.
    syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    for (int capability = 0; capability < kMostCapabilities; ++capability) {
        if ((kept >> capability & 1) == 0) continue;
        if (syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0)
            give_up(plan, Stage::capabilities, errno, nullptr);
    }
}

}  // namespace

PF_IN_CHILD void take_identity(Plan& plan) {
    const Identity& identity = plan.request->identity;
    set_priorities(plan, identity);
    if (identity.capabilities) bound_capabilities(plan, identity);
    become_user(plan, identity.credentials);
    if (identity.capabilities) {
        set_capabilities(plan, *identity.capabilities);
    } else if (const auto& user = identity.credentials.user; user && *user != plan.user) {
        // The kernel clears them where we are root; of a daemon that is not they would stay.
        syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    }
    if (identity.no_new_privs && syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        give_up(plan, Stage::no_new_privs, errno, nullptr);
}

PF_IN_CHILD void bind_life_to_daemon(Plan& plan) {
    const Identity& identity = plan.request->identity;
    if (!identity.death_signal) return;
    if (syscall(SYS_prctl, PR_SET_PDEATHSIG, *identity.death_signal, 0, 0, 0) != 0)
        give_up(plan, Stage::death_signal, errno, nullptr);
    // Nobody reads this report: there is no daemon any more.
    if (syscall(SYS_getppid) != plan.daemon) give_up(plan, Stage::death_signal, ESRCH, nullptr);
}

}  // namespace pilotfish::daemon
