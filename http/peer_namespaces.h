// Whether a process is in our namespaces, told by what /proc shows to everybody. For those whose
// /proc/PID/ns links we may not read: root's, when we are not root.
//
// Any thread, plain functions over borrowed text; never block. Fail closed: a text that is not the
// kernel's says no.
#pragma once

#include <cstddef>
#include <string_view>

namespace pilotfish::http {

// Of the text of /proc/PID/status: the numbers in its NSpid line, one for each PID namespace from
// that of the /proc mount down to the process's own (proc(5)). 1: it is in the namespace of /proc.
// 0: there is no such line (before Linux 4.1), or no sense in it.
std::size_t pid_namespace_depth(std::string_view status);

// Of both texts of /proc/PID/uid_map, read by the same process: the kernel shows that of our own
// namespace by our parent's numbers and that of another one by ours, so that equal maps are those
// of one namespace. A namespace of its own that maps each number to itself, as only root can make
// it, looks the same; its root is ours. An empty map is nobody's.
bool same_user_map(std::string_view theirs, std::string_view ours);

}  // namespace pilotfish::http
