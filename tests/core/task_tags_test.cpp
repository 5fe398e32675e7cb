#include "core/task_tags.h"

#include <map>

#include "core/stack_dump.h"
#include "core/task.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

class Tags : public LeakFree {};

struct Seen {
    std::string name;
    std::string labels;
};

Seen seen_of(std::uint64_t id) {
    Seen out;
    for_each_task([&](const TaskInfo& task) {
        if (task.id != id) return true;
        out.name = task.name();
        if (task.tags) {
            for (const auto& [key, value] : task.tags->labels)
                out.labels += key + "=" + value + " ";
        }
        return false;
    });
    return out;
}

Task<> idles() { co_return; }

Task<> makes_children(Seen& child, Seen& named) {
    JoinHandle<> one = spawn(idles(), {.labels = {{"stage", "parse"}}});
    JoinHandle<> two = spawn(idles(), {.name = "mine"});
    child = seen_of(one.id());
    named = seen_of(two.id());
    co_await one;
    co_await two;
}

Task<int> inherits(Seen& child, Seen& named, Seen& plain) {
    JoinHandle<> parent = spawn(makes_children(child, named),
                                {.name = "parent", .labels = {{"tenant", "a"}, {"stage", "read"}}});
    JoinHandle<> other = spawn(idles());
    plain = seen_of(other.id());
    co_await parent;
    co_await other;
    co_return 0;
}

TEST_F(Tags, ChildrenInheritNameAndLabelsAndMayReplaceThem) {
    Seen child, named, plain;
    Runtime runtime({.processors = 1});
    runtime.run(inherits(child, named, plain));
    EXPECT_EQ(child.name, "parent");
    EXPECT_EQ(child.labels, "stage=parse tenant=a ");
    EXPECT_EQ(named.name, "mine");
    EXPECT_EQ(named.labels, "stage=read tenant=a ");
    EXPECT_EQ(plain.name, "") << "main's name is main's alone";
}

Task<int> relabels(std::string& dump) {
    set_label("stage", "one");
    set_label("stage", "tw\"o\n");
    JoinHandle<> child = spawn(idles());
    EXPECT_EQ(seen_of(child.id()).labels, "stage=tw\"o\n ");
    dump = runtime::stack(false);
    co_await child;
    co_return 0;
}

TEST_F(Tags, ARunningTaskMayLabelItself) {
    std::string dump;
    Runtime runtime({.processors = 1});
    runtime.run(relabels(dump));
    EXPECT_NE(dump.find("goroutine 1 [running, \"main\", labels:{\"stage\":\"tw\\\"o\\u000a\"}]:"),
              std::string::npos)
        << dump;
}

TEST_F(Tags, LongOnesAreCut) {
    const std::string text(1000, 'x');
    TaskTags* tags = tags_for_child(nullptr, text, {{text, text}});
    EXPECT_EQ(tags->name.size(), TaskTags::kLongestName);
    EXPECT_EQ(tags->labels[0].first.size(), TaskTags::kLongestLabel);
    EXPECT_EQ(tags->labels[0].second.size(), TaskTags::kLongestLabel);
    tags->drop();
}

}  // namespace
}  // namespace pilotfish::core
