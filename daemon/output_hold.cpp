// An Output through an upgrade in place: what its ring holds goes along, in order.
#include "daemon/output_state.h"

namespace pilotfish::daemon {

std::optional<std::string> Output::hold(std::chrono::nanoseconds at_most) {
    std::unique_lock lock(state_->mutex);
    State& state = *state_;
    if (state.untold != nullptr) state.tell_losses(true);
    state.held = true;
    if (!state.drained.wait_for(lock, at_most, [&] { return !state.in_write; })) {
        state.held = false;
        return std::nullopt;
    }
    return state.ring.text();
}

void Output::let_go() noexcept {
    const std::lock_guard lock(state_->mutex);
    state_->held = false;
    state_->wake_thread();
}

void Output::preload(std::string_view bytes) noexcept {
    const std::lock_guard lock(state_->mutex);
    LineRing& ring = state_->ring;
    if (!ring.append(bytes.substr(0, ring.free_bytes()))) state_->lost_lines += count_lines(bytes);
    state_->wake_thread();
}

}  // namespace pilotfish::daemon
