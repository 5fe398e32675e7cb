#include "http/stats.h"

#include <algorithm>

#include "http/routes.h"

namespace pilotfish::http {
namespace {

constexpr std::array<std::string_view, 3> kListenerNames = {"admin", "probe", "metrics"};

void add(std::atomic<std::uint64_t>& counter, std::uint64_t amount = 1) {
    counter.fetch_add(amount, std::memory_order_relaxed);
}

std::uint64_t get(const std::atomic<std::uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
}

}  // namespace

PlaneStats::PlaneStats()
    : routes_(routes().size() + 1),
      requests_(std::make_unique<Counter[]>(routes_ * kStatuses.size())) {}

void PlaneStats::answered(std::size_t route, int status, std::chrono::nanoseconds took) {
    const std::size_t row = std::min(route, routes_ - 1);
    const auto known = std::find(kStatuses.begin(), kStatuses.end() - 1, status);
    const auto column = static_cast<std::size_t>(known - kStatuses.begin());
    add(requests_[row * kStatuses.size() + column]);
    const double seconds = std::chrono::duration<double>(took).count();
    const auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), seconds);
    add(durations_[static_cast<std::size_t>(bound - kBounds.begin())]);
    add(duration_sum_ns_, static_cast<std::uint64_t>(std::max<std::int64_t>(0, took.count())));
}

void PlaneStats::opened(std::size_t listener_kind) { add(opened_[listener_kind]); }
void PlaneStats::closed(std::size_t listener_kind) { add(closed_[listener_kind]); }
void PlaneStats::evicted() { add(evicted_); }

PlaneView PlaneStats::view() const {
    PlaneView view;
    for (std::size_t row = 0; row < routes_; ++row) {
        for (std::size_t column = 0; column < kStatuses.size(); ++column) {
            const std::uint64_t count = get(requests_[row * kStatuses.size() + column]);
            if (count == 0) continue;
            const std::string_view route = row + 1 < routes_ ? routes()[row].path : "none";
            view.requests.push_back({route, kStatuses[column], count});
        }
    }
    view.duration.upper_bounds.assign(kBounds.begin(), kBounds.end());
    for (const Counter& counter : durations_) view.duration.counts.push_back(get(counter));
    view.duration.sum = static_cast<double>(get(duration_sum_ns_)) * 1e-9;
    for (std::size_t kind = 0; kind < kListenerKinds; ++kind) {
        // closed first: a connection that opens in between must not make the difference negative.
        const std::uint64_t closed = get(closed_[kind]);
        const std::uint64_t opened = get(opened_[kind]);
        view.connections.push_back(
            {kListenerNames[kind], opened - std::min(opened, closed), opened});
    }
    view.evicted = get(evicted_);
    return view;
}

}  // namespace pilotfish::http
