// The coroutine runtime, for programs that embed it: every public header at once. Each may also be
// included by itself, as <pilotfish/core/task.h>; README.md beside the sources has the list.
#pragma once

#include <pilotfish/core/async_fd.h>
#include <pilotfish/core/blocking.h>
#include <pilotfish/core/cancel.h>
#include <pilotfish/core/channel.h>
#include <pilotfish/core/clock.h>
#include <pilotfish/core/log.h>
#include <pilotfish/core/runtime.h>
#include <pilotfish/core/sleep.h>
#include <pilotfish/core/stack_dump.h>
#include <pilotfish/core/task.h>
#include <pilotfish/core/task_group.h>
