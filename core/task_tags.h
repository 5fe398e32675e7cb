// What tells tasks apart for people: a name and labels, as in Go's pprof.Do.
//
//     spawn(serve(c), {.name = "connection", .labels = {{"tenant", tenant}}});
//     set_label("stage", "parse");            // of the running task, from here on
//
// A child inherits its creator's labels, and its name when it gets none of its own (main's name is
// main's alone). Shared and immutable: a task that inherits costs one reference count, a task
// without either nothing.
//
// Thread-safety: TagsRef: as a shared_ptr's; set_label: the running task. Fails: std::bad_alloc.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pilotfish::core {

struct LabelView {
    std::string_view key;
    std::string_view value;
};

class TaskTags {
  public:
    static constexpr std::size_t kLongestName = 64;
    static constexpr std::size_t kLongestLabel = 256;  // key or value; longer ones are cut

    std::string name;
    std::vector<std::pair<std::string, std::string>> labels;  // sorted by key
    bool name_is_inherited = true;

    void set(std::string_view key, std::string_view value);

    void keep() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void drop() noexcept {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

  private:
    std::atomic<std::uint32_t> references_{1};
};

// A reference that is counted.
class TagsRef {
  public:
    TagsRef() = default;
    explicit TagsRef(TaskTags* tags) noexcept : tags_(tags) {
        if (tags_) tags_->keep();
    }
    TagsRef(const TagsRef& other) noexcept : TagsRef(other.tags_) {}
    TagsRef(TagsRef&& other) noexcept : tags_(std::exchange(other.tags_, nullptr)) {}
    TagsRef& operator=(TagsRef other) noexcept {
        std::swap(tags_, other.tags_);
        return *this;
    }
    ~TagsRef() {
        if (tags_) tags_->drop();
    }
    const TaskTags* get() const noexcept { return tags_; }
    const TaskTags* operator->() const noexcept { return tags_; }
    const TaskTags& operator*() const noexcept { return *tags_; }
    explicit operator bool() const noexcept { return tags_ != nullptr; }

  private:
    TaskTags* tags_ = nullptr;
};

// What a child of a task with `inherited` gets; nullptr: nothing to tell. The caller owns one
// reference.
TaskTags* tags_for_child(TaskTags* inherited, std::string_view name,
                         std::initializer_list<LabelView> labels);

// "task 7", or "task 7 (name)"; tags: nullptr for none.
std::string task_title(std::uint64_t id, const TaskTags* tags);

// {"key":"value", ...}: the value of Go's "# labels:" line.
void append_labels(std::string& out, const TaskTags& tags);

// Adds a label to the running task, or replaces its value. Its children from now on inherit it.
void set_label(std::string_view key, std::string_view value);

}  // namespace pilotfish::core
