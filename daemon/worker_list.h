// The workers of a container as they were at one moment. A reload makes another list; whoever holds
// this one sees the same workers in the same places as long as it is held.
//
// Thread-safety: an immutable value, any thread. Ownership: shares the workers, so that one that
// has left the container meanwhile may still be asked; it is over and stays so. Cheap to copy.
// Never blocks, never fails.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace pilotfish::daemon {

class Worker;

class WorkerList {
  public:
    using Workers = std::vector<std::shared_ptr<Worker>>;

    WorkerList() = default;  // nobody
    explicit WorkerList(Workers workers)
        : workers_(std::make_shared<const Workers>(std::move(workers))) {}

    Workers::const_iterator begin() const { return workers_->begin(); }
    Workers::const_iterator end() const { return workers_->end(); }
    std::size_t size() const { return workers_->size(); }
    bool empty() const { return workers_->empty(); }
    const std::shared_ptr<Worker>& operator[](std::size_t at) const { return (*workers_)[at]; }
    const std::shared_ptr<Worker>& front() const { return workers_->front(); }
    // nullptr: there is none of that name.
    std::shared_ptr<Worker> find(std::string_view name) const;

    // The very same list, not another one of the same workers.
    bool operator==(const WorkerList&) const = default;

  private:
    std::shared_ptr<const Workers> workers_ = std::make_shared<const Workers>();
};

}  // namespace pilotfish::daemon
