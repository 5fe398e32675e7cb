// A worker that pilotfish hosts: see core/plugin.h, and the whole runtime with it.
#pragma once

#include <pilotfish/core/plugin.h>
#include <pilotfish/runtime.h>
