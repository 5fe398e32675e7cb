// Fuzzes what a worker may say of itself, and what answers a probe: a notify message must give
// text that can be shown and numbers in range, an HTTP answer a status and a part of the input.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/check.h"
#include "daemon/notify_message.h"
#include "daemon/probe_http.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pilotfish;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const daemon::NotifyMessage message = daemon::parse_notify_message(input);
    if (message.status) {
        PF_CHECK(message.status->size() <= daemon::kMostStatusBytes, "a status over the cap");
        PF_CHECK(daemon::printable(*message.status, daemon::kMostStatusBytes) == *message.status,
                 "a status that cannot be shown");
    }
    PF_CHECK(!message.main_pid || *message.main_pid > 0, "no pid");
    PF_CHECK(!message.watchdog || message.watchdog->count() >= 0, "time that runs back");

    daemon::HttpAnswer answer;
    if (daemon::read_http_answer(input, answer) == daemon::HttpRead::done) {
        PF_CHECK(answer.status >= 200 && answer.status <= 999, "no final status");
        PF_CHECK(input.ends_with(answer.body), "a body that was not received");
    }
    return 0;
}
