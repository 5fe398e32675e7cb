#include "daemon/memory_trace.h"

#include <cstdio>

namespace pilotfish::daemon {
namespace {

std::string percent(std::uint64_t part, std::uint64_t whole) {
    return std::to_string(whole == 0
                              ? 100
                              : static_cast<std::uint64_t>(100.0 * static_cast<double>(part) /
                                                           static_cast<double>(whole))) +
           "%";
}

std::string milliseconds(std::chrono::nanoseconds time) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3fms",
                  std::chrono::duration<double, std::milli>(time).count());
    return text;
}

void append_loss(const void*, std::uint64_t lost, std::string& out) {
    out += "memtrace: " + std::to_string(lost) + " lines were lost\n";
}

}  // namespace

std::string heap_trace(const core::MemoryCycle& cycle, std::uint64_t limit_bytes) {
    const std::uint64_t freed = cycle.heap_before_bytes > cycle.heap_after_bytes
                                    ? cycle.heap_before_bytes - cycle.heap_after_bytes
                                    : 0;
    std::string steps;
    if (cycle.steps.shrink) steps += ",shrink";
    if (cycle.steps.purge) steps += ",purge";
    if (cycle.steps.brake) steps += ",brake";
    return "heap: load=" + percent(cycle.heap_before_bytes, limit_bytes) +
           " bytes=" + std::to_string(cycle.heap_before_bytes) +
           " limit=" + std::to_string(limit_bytes) + " steps=" + steps.substr(1) +
           " shrinkers=" + std::to_string(cycle.shrinkers) + " freed=" + std::to_string(freed) +
           " shrink=" + milliseconds(cycle.shrink_time) +
           " purge=" + milliseconds(cycle.purge_time);
}

std::string guard_trace(const GuardAction& action, std::string_view worker) {
    const bool of_container = action.cause == GuardAction::Cause::container;
    std::string text = of_container ? "container: load=" : "worker: load=";
    text += percent(action.used_bytes, action.limit_bytes) +
            " bytes=" + std::to_string(action.used_bytes) +
            " limit=" + std::to_string(action.limit_bytes) + " step=";
    text += name_of(action.kind);
    text += " worker=";
    text += worker;
    return text + " resident=" + std::to_string(action.resident_bytes) +
           " grown=" + std::to_string(action.grown_bytes);
}

MemoryTrace::MemoryTrace(Output& output, bool on)
    : on_(on), output_(output), source_(output, append_loss, nullptr, OutputSource::Rank::own) {}

void MemoryTrace::cycle(const core::MemoryCycle& cycle, std::uint64_t limit_bytes) {
    if (on_) write(heap_trace(cycle, limit_bytes));
}

void MemoryTrace::action(const GuardAction& action, std::string_view worker) {
    if (on_) write(guard_trace(action, worker));
}

void MemoryTrace::end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
}

void MemoryTrace::write(const std::string& fields) {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    const std::uint64_t number = ++lines_;
    const std::chrono::duration<double> age = std::chrono::steady_clock::now() - started_;
    char head[64];
    std::snprintf(head, sizeof head, "memtrace %llu @%.3fs ",
                  static_cast<unsigned long long>(number), age.count());
    output_.write(source_, head + fields + "\n");
}

}  // namespace pilotfish::daemon
