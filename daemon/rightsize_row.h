// The right-sizing table: one row a variable, in one file a family of runtimes.
//
// Any thread; constant data and pure functions. Never blocks, never fails. daemon/rightsize.md
// shows the table, and a test compares the two.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/rightsize.h"

namespace pilotfish::daemon {

enum class Offer {
    safe,   // to every worker, unless its profile is none
    all,    // with the profile all, or when its program is named
    named,  // when its program is named, and never otherwise
    never,  // decided against
};

struct Processors {
    int count = 0;
    std::string words;          // "1.5 CPUs of /sys/fs/cgroup/cpu.max"
    bool of_own_group = false;  // the limit stands in the worker's own group
    bool of_container = false;  // it is the container's, not the worker's CPU setting
};

// A request, with what most rows ask of it.
class Situation {
  public:
    explicit Situation(const RightsizeRequest& request);

    const RightsizeRequest& request() const { return request_; }
    const Program& program() const { return request_.program; }
    // nullopt where the affinity says it all.
    const std::optional<Processors>& processors() const { return processors_; }
    // This worker's part of the memory, all of it or below the soft limit; nullopt: unlimited, or
    // too little to live with.
    std::optional<MemoryPart> memory() const;
    std::optional<MemoryPart> soft_memory() const;

    // The memory limit that a runtime reads which looks at its own group alone; nullopt: it would
    // take the machine's for it.
    std::optional<std::uint64_t> memory_of_own_group() const;

    std::optional<std::string_view> user_value(std::string_view name) const;
    bool user_text_has(std::string_view name, std::initializer_list<std::string_view> parts) const;
    // Ours in front of the user's text, which is read last and so wins.
    std::string before_users(std::string_view name, std::string ours, char between) const;

  private:
    const RightsizeRequest& request_;
    std::optional<Processors> processors_;
};

// value "": it is not handed; then the reason says why, and is empty when no limit asks for it.
struct Proposal {
    std::string value;
    std::string reason;
};

// The number of processors, as most runtimes want it.
Proposal processor_count(const Situation& situation);

struct RightsizeRow {
    std::string_view variable = {};  // "" in a row of a runtime that reads none
    std::string_view reader = {};    // who reads it: "Go", "OpenMP"
    std::string_view program = {};   // its name in RIGHTSIZE; "" in `safe`, which needs none
    Offer offer = Offer::safe;
    // A flag that another program, or another version, might refuse: only to these.
    Language only = Language::unknown;
    bool is_list = false;                             // the proposal holds the user's own text too
    std::string_view value = {};                      // in words, for the table
    std::string_view why = {};                        // why it is offered so, for the table
    Proposal (*propose)(const Situation&) = nullptr;  // never: nullptr
    std::array<std::string_view, 3> unless = {};      // variables of the user that rule the same
};

std::span<const RightsizeRow> go_rows();
std::span<const RightsizeRow> thread_pool_rows();  // OpenMP, BLAS, Rayon, Tokio, CPython, libuv
std::span<const RightsizeRow> malloc_rows();       // glibc, jemalloc
std::span<const RightsizeRow> node_rows();
std::span<const RightsizeRow> java_rows();
std::span<const RightsizeRow> build_rows();     // make, cargo, CMake, ninja
std::span<const RightsizeRow> server_rows();    // Puma, gunicorn, uvicorn, PHP, nginx
std::span<const RightsizeRow> language_rows();  // Erlang, R, GHC, OCaml, Julia, .NET

// All of them, in the order in which they are handed.
std::array<std::span<const RightsizeRow>, 8> rightsize_table();

// What RIGHTSIZE may name, each once, in the table's order.
std::vector<std::string_view> rightsize_programs();

}  // namespace pilotfish::daemon
