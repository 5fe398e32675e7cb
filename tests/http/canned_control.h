// A control that notes what it was asked, and does what the test says.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "http/control.h"

namespace pilotfish::tests {

class CannedControl final : public http::Control {
  public:
    http::ControlAnswer answer;  // to everything
    std::vector<std::string> asked() const {
        const std::lock_guard lock(mutex_);
        return asked_;
    }

    http::ControlAnswer act(http::WorkerAction action, const std::string& name,
                            const std::string& signal, const std::string& who) override {
        static const char* const kNames[] = {"start", "stop", "restart", "signal"};
        return note(std::string(kNames[static_cast<int>(action)]) + " " + name +
                        (signal.empty() ? "" : " " + signal),
                    who);
    }
    http::ControlAnswer shut_down(const std::string& who) override { return note("shutdown", who); }
    http::ControlAnswer upgrade(const std::string& who) override { return note("upgrade", who); }
    http::ControlAnswer reload(bool dry_run, const std::string& who) override {
        return note(dry_run ? "dry reload" : "reload", who);
    }
    std::string last_who() const {
        const std::lock_guard lock(mutex_);
        return who_;
    }

  private:
    http::ControlAnswer note(std::string what, const std::string& who) {
        const std::lock_guard lock(mutex_);
        asked_.push_back(std::move(what));
        who_ = who;
        return answer;
    }

    mutable std::mutex mutex_;
    std::vector<std::string> asked_;
    std::string who_;
};

}  // namespace pilotfish::tests
