// What is known of a worker's health: written by its probes and its own messages, read by the admin
// plane.
//
// Any thread. Owns its text. Blocks: a short lock; holds_back() and is_live() not even that. Never
// fails.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "daemon/probe_result.h"

namespace pilotfish::daemon {

enum class Check : std::uint8_t { ready, liveness, watchdog };
inline constexpr std::size_t kChecks = 3;
// As pages and metrics have it: "ready", "liveness", "watchdog".
std::string_view name_of(Check check) noexcept;

struct CheckStatus {
    std::uint64_t tries = 0;     // of all runs
    std::uint64_t failures = 0;  // of all runs
    std::uint64_t failures_in_a_row = 0;
    ProbeResult last;  // meaningful with tries
    core::TimePoint when{};
    core::Duration took{};
};

struct HealthStatus {
    std::array<CheckStatus, kChecks> checks;  // by Check
    std::string status;                       // STATUS=, its own words; empty: none
    bool reloading = false;                   // RELOADING=1, and no READY=1 since
    bool stopping = false;                    // STOPPING=1
    std::optional<int> error_number;          // ERRNO=
    std::uint64_t messages_refused = 0;       // not its own processes', or not understood
};

class HealthBoard {
  public:
    // A new run: what was of the one before is forgotten, counts stay.
    void begin_run();
    void note(Check check, ProbeResult result, core::TimePoint when, core::Duration took);
    std::uint64_t failures_in_a_row(Check check) const;
    std::string last_detail(Check check) const;

    void set_status(std::string status);
    void set_reloading(bool reloading);
    void set_stopping();
    void set_error_number(int number);
    void refuse_message();
    // Its liveness is lost, until a later run proves alive.
    void lose_liveness() { live_.store(false, std::memory_order_relaxed); }
    void prove_liveness() { live_.store(true, std::memory_order_relaxed); }

    HealthStatus read() const;
    // Goes on with what another one knew.
    void resume(HealthStatus status, bool live);
    // It said that it reloads or stops, or its latest LIVENESS failed: not ready, whatever its
    // state.
    bool holds_back() const noexcept { return held_.load(std::memory_order_relaxed); }
    bool is_live() const noexcept { return live_.load(std::memory_order_relaxed); }

  private:
    void weigh();  // Requires: the lock

    mutable std::mutex mutex_;
    HealthStatus status_;
    std::atomic<bool> held_{false};
    std::atomic<bool> live_{true};
};

}  // namespace pilotfish::daemon
