// What the kernel, and whoever confines this container, allow: found out by trying it on a process
// made for that, which does nothing and dies with the trial. A rule that is looked up (Yama,
// seccomp, capabilities) may be one of several; a trial is not fooled.
//
// Any thread, also of the daemon: the end of the process raises no SIGCHLD, and nobody else
// collects it. Blocks: under a millisecond. Fails: never; that the process could not be made is an
// answer.
#pragma once

namespace pilotfish::daemon {

// Each is 0, or the errno of the refusal.
struct Trials {
    int make_process = 0;
    int trace = 0;        // ptrace(PTRACE_SEIZE): stacks of a supervised process
    int read_memory = 0;  // process_vm_readv: the same
    int perf = 0;         // perf_event_open of its processor time: profiles that never stop it
};
Trials try_on_a_child();

}  // namespace pilotfish::daemon
