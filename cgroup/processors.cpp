#include "cgroup/processors.h"

#include <sched.h>

#include <bit>
#include <cerrno>
#include <vector>

#include "cgroup/parse_number.h"

namespace pilotfish::cgroup {
namespace {

// No machine has more; a list that claims so is hostile. The largest CONFIG_NR_CPUS is 8192.
constexpr int kMostProcessors = 1 << 16;

int count_bits(const unsigned long* words, std::size_t count) {
    int bits = 0;
    for (std::size_t at = 0; at < count; ++at) bits += std::popcount(words[at]);
    return bits;
}

}  // namespace

std::optional<int> affinity_of(pid_t pid) {
    unsigned long small[1024 / (8 * sizeof(unsigned long))] = {};
    auto* const mask = reinterpret_cast<cpu_set_t*>(small);
    if (::sched_getaffinity(pid, sizeof small, mask) == 0)
        return count_bits(small, std::size(small));
    std::vector<unsigned long> large(std::size(small));
    while (errno == EINVAL && large.size() * sizeof(unsigned long) * 8 < kMostProcessors) {
        large.assign(large.size() * 2, 0);
        const std::size_t bytes = large.size() * sizeof(unsigned long);
        if (::sched_getaffinity(pid, bytes, reinterpret_cast<cpu_set_t*>(large.data())) == 0)
            return count_bits(large.data(), large.size());
    }
    return std::nullopt;
}

std::optional<int> parse_cpu_list(std::string_view text) {
    int count = 0;
    int next = 0;  // ranges must rise: the kernel writes them so, and nothing is counted twice
    std::string_view rest = trim(text);
    if (rest.empty()) return std::nullopt;
    while (!rest.empty()) {
        const std::size_t comma = rest.find(',');
        const std::string_view range = rest.substr(0, comma);
        const std::size_t dash = range.find('-');
        const auto first = parse_number<int>(range.substr(0, dash));
        const auto last =
            dash == std::string_view::npos ? first : parse_number<int>(range.substr(dash + 1));
        if (!first || !last || *first < next || *last < *first || *last >= kMostProcessors)
            return std::nullopt;
        count += *last - *first + 1;
        next = *last + 1;
        if (comma == std::string_view::npos) break;
        rest.remove_prefix(comma + 1);
        if (rest.empty()) return std::nullopt;
    }
    return count;
}

}  // namespace pilotfish::cgroup
