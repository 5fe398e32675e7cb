// One declaration, several workers: INSTANCES=3 makes web@1, web@2 and web@3 of web, each with the
// settings of web. Who comes AFTER or NEEDS web means all of them.
//
// Any thread; never blocks or fails.
#pragma once

#include <string_view>

#include "config/load.h"

namespace pilotfish::config {

// The name that was declared: web of "web" and of its instance "web@2".
std::string_view declared_name(std::string_view worker);

void make_instances(Configuration& configuration);

}  // namespace pilotfish::config
