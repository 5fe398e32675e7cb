// Asks the kernel to say at once when the container is short of memory, by the best way that this
// kernel and these rights allow:
//
//   1. v2: a PSI trigger on the own group's memory.pressure: some task waited for memory 10% of the
//      time. A window of 1 s; without CAP_SYS_RESOURCE the kernel takes multiples of 2 s only.
//   2. v1: memory.pressure_level "medium" by an eventfd in cgroup.event_control ("low" comes 40
//      times while one cache is filled), or else a threshold on the usage. Both are deprecated.
//   3. v2 where the files are read-only (the usual pod): avg10 is looked at on each tick.
//   4. Nothing: v1 read-only, a kernel with psi=0. Then only the usage itself tells.
//
// A passive object; its owner polls watch_fd() for reading, if there is one, and calls on_watch();
// or calls on_tick(), where is_polled(). A trigger belongs to the group it was opened for: when the
// process is moved, open another one.
//
// One thread at a time. Owns its descriptors. Never blocks. Never fails: see words().
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cgroup/file_source.h"
#include "core/limits.h"

namespace pilotfish::cgroup {

class PressureTrigger {
  public:
    enum class Kind : std::uint8_t { psi_one_second, psi_two_seconds, level, usage, polled, none };
    // watch_fd() is readable: what it was.
    enum class News : std::uint8_t {
        pressure,
        group_gone,  // or the kernel took the trigger away: open another one
    };

    // Some task waited for memory this share of the time. Chosen, not measured: systemd-oomd acts
    // from 60%, Android's lmkd looks from 7%; to look a little early costs little.
    static constexpr double kStallShare = 0.10;

    // Of the group that this process is in, by its limits. usage_bytes: where 2's threshold is
    // set; nullopt: none is.
    static PressureTrigger open(const FileSource& source, const core::Limits& limits,
                                std::optional<std::uint64_t> usage_bytes);

    Kind kind() const { return kind_; }
    // "memory.pressure of /sys/fs/cgroup: 10% of 2 s", for the log.
    std::string words() const;
    const std::string& directory() const { return directory_; }  // of the group; may be empty

    int watch_fd() const { return watch_.get(); }  // -1: none
    // Requires: watch_fd() was readable.
    News on_watch();

    bool is_polled() const { return kind_ == Kind::polled; }
    // True when pressure has begun since the last call. Requires: is_polled().
    bool on_tick();

  private:
    void open_v2();
    void open_v1(std::optional<std::uint64_t> usage_bytes);
    bool arm_psi(const char* trigger);
    bool arm_event(const std::string& file, const std::string& argument);
    Kind kind_ = Kind::none;
    std::string directory_;
    UniqueFd file_;   // memory.pressure, pressure_level or the usage
    UniqueFd watch_;  // an epoll over file_, or the eventfd
    bool is_under_pressure_ = false;
    std::string scratch_;
};

}  // namespace pilotfish::cgroup
