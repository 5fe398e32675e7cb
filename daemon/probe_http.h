// Asking by TCP and by HTTP: whether a connection is taken, whether GET is answered with 200 to
// 399.
//
// Call from a task. Ownership: nothing outlives the call. Suspends until the answer or the
// deadline. Fails: as a result that is not ok. Redirects count as answers and are not followed.
// localhost is 127.0.0.1 and, where nobody is there, ::1.
#pragma once

#include <optional>
#include <string_view>

#include "config/probe_setting.h"
#include "core/clock.h"
#include "core/task.h"
#include "daemon/probe_result.h"

namespace pilotfish::daemon {

// Requires: target is tcp or http.
core::Task<ProbeResult> probe_by_network(const config::ProbeTarget& target,
                                         core::TimePoint deadline);

// The head of an answer, as far as a probe asks.
struct HttpAnswer {
    int status = 0;              // of the final answer: 1xx that come before are passed over
    std::string_view body = {};  // what is there of it
};
enum class HttpRead { more, done, no_http };
// more: the head is not whole yet.
HttpRead read_http_answer(std::string_view received, HttpAnswer& answer);

}  // namespace pilotfish::daemon
