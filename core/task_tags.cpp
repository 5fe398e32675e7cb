#include "core/task_tags.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "core/check.h"
#include "core/scheduler.h"
#include "core/task.h"

namespace pilotfish::core {

void TaskTags::set(std::string_view key, std::string_view value) {
    key = key.substr(0, kLongestLabel);
    value = value.substr(0, kLongestLabel);
    auto at =
        std::lower_bound(labels.begin(), labels.end(), key,
                         [](const auto& label, std::string_view k) { return label.first < k; });
    if (at != labels.end() && at->first == key)
        at->second = value;
    else
        labels.emplace(at, key, value);
}

static std::unique_ptr<TaskTags> copy_of(const TaskTags* tags) {
    auto out = std::make_unique<TaskTags>();
    if (!tags) return out;
    if (tags->name_is_inherited) out->name = tags->name;
    out->labels = tags->labels;
    return out;
}

TaskTags* tags_for_child(TaskTags* inherited, std::string_view name,
                         std::initializer_list<LabelView> labels) {
    if (name.empty() && labels.size() == 0) {
        if (!inherited) return nullptr;
        if (inherited->name_is_inherited) {
            inherited->keep();
            return inherited;
        }
        if (inherited->labels.empty()) return nullptr;
    }
    std::unique_ptr<TaskTags> tags = copy_of(inherited);
    if (!name.empty()) tags->name = name.substr(0, TaskTags::kLongestName);
    for (const LabelView& label : labels) tags->set(label.key, label.value);
    return tags.release();
}

std::string task_title(std::uint64_t id, const TaskTags* tags) {
    std::string title = "task " + std::to_string(id);
    if (tags && !tags->name.empty()) title.append(" (").append(tags->name).append(")");
    return title;
}

// A label is the program's data: it may hold anything.
static void append_quoted(std::string& out, std::string_view text) {
    out.push_back('"');
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned char>(c));
            out.append(escaped);
        } else {
            out.push_back(c);
        }
    }
    out.push_back('"');
}

void append_labels(std::string& out, const TaskTags& tags) {
    const char* between = "{";
    for (const auto& [key, value] : tags.labels) {
        out.append(between);
        append_quoted(out, key);
        out.push_back(':');
        append_quoted(out, value);
        between = ",";
    }
    out.append("}");
}

void set_label(std::string_view key, std::string_view value) {
    TaskRecord* task = tls.task;
    PF_CHECK(task, "set_label outside of a task");
    std::unique_ptr<TaskTags> changed = copy_of(task->tags);
    if (task->tags) {
        changed->name = task->tags->name;
        changed->name_is_inherited = task->tags->name_is_inherited;
    }
    changed->set(key, value);
    TaskTags* before = task->tags;
    Scheduler::current()->shard_of(*task).exclusive([&] { task->tags = changed.release(); });
    if (before) before->drop();
}

}  // namespace pilotfish::core
