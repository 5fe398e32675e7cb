#include "daemon/line_watch.h"

#include "daemon/line_framer.h"

namespace pilotfish::daemon {

class LineWatch::Tap final : public OutputTap {
  public:
    explicit Tap(std::shared_ptr<LineWatch> watch) : watch_(std::move(watch)) {}

    bool see(std::string_view bytes) override {
        if (watch_->is_over()) return false;
        framer_.feed(bytes);
        bool found = false;
        for (Line line; framer_.next(line);) {
            if (!found && !line.continues) found = watch_->pattern_.found_in(line.text);
        }
        if (found) watch_->find();
        return !found;
    }

  private:
    const std::shared_ptr<LineWatch> watch_;
    LineFramer framer_{config::LinePattern::kMostLineBytes};
};

std::unique_ptr<OutputTap> LineWatch::make_tap() {
    return std::make_unique<Tap>(shared_from_this());
}

bool LineWatch::is_over() const {
    const std::lock_guard lock(mutex_);
    return !found_;
}

void LineWatch::find() {
    const std::lock_guard lock(mutex_);
    if (found_) found_();
    found_ = nullptr;
}

void LineWatch::stop() {
    const std::lock_guard lock(mutex_);
    found_ = nullptr;
}

}  // namespace pilotfish::daemon
