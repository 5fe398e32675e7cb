// The admin plane's figures about itself.
//
// Any thread, concurrently: relaxed atomics, no locks. A view is a snapshot that may be torn by one
// request in flight. Never blocks or fails. Time in seconds.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/sources.h"

namespace pilotfish::http {

struct PlaneView {
    struct Requests {
        std::string_view route;  // the pattern, never the path: bounded
        int status = 0;
        std::uint64_t count = 0;
    };
    std::vector<Requests> requests;  // only what occurred
    HistogramView duration;          // from the head's last byte to the answer's first
    struct Connections {
        std::string_view listener;
        std::uint64_t open = 0;
        std::uint64_t accepted = 0;
    };
    std::vector<Connections> connections;
    std::uint64_t evicted = 0;  // idle connections closed to make room
};

class PlaneStats {
  public:
    // Route index of what matched no route, and of what the guard refused.
    static constexpr std::size_t kNoRoute = static_cast<std::size_t>(-1);

    PlaneStats();

    void answered(std::size_t route, int status, std::chrono::nanoseconds took);
    void opened(std::size_t listener_kind);
    void closed(std::size_t listener_kind);
    void evicted();
    PlaneView view() const;

  private:
    static constexpr std::array<int, 17> kStatuses = {200, 400, 401, 403, 404, 405, 408, 411, 413,
                                                      414, 417, 431, 500, 501, 503, 505, 0};
    // Chosen around the targets: a probe within 10 ms, a page within 2 ms at the 99th percentile.
    static constexpr std::array<double, 11> kBounds = {
        0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.1, 1, 10};
    static constexpr std::size_t kListenerKinds = 3;
    using Counter = std::atomic<std::uint64_t>;

    std::size_t routes_;                   // including the last one, for no route
    std::unique_ptr<Counter[]> requests_;  // [route][status]
    std::array<Counter, kBounds.size() + 1> durations_{};
    Counter duration_sum_ns_{0};
    std::array<Counter, kListenerKinds> opened_{};
    std::array<Counter, kListenerKinds> closed_{};
    Counter evicted_{0};
};

}  // namespace pilotfish::http
