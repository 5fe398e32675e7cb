#include "config/nearest_name.h"

#include <algorithm>

namespace pilotfish::config {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Longer than any name we know by far: a hostile variable name must not cost its length squared.
constexpr std::size_t kLongestName = 256;

}  // namespace

int edit_distance(std::string_view from, std::string_view to) {
    std::vector<int> before_last(to.size() + 1);
    std::vector<int> last(to.size() + 1);
    std::vector<int> current(to.size() + 1);
    for (std::size_t j = 0; j <= to.size(); ++j) last[j] = static_cast<int>(j);
    for (std::size_t i = 1; i <= from.size(); ++i) {
        current[0] = static_cast<int>(i);
        const char a = lower(from[i - 1]);
        for (std::size_t j = 1; j <= to.size(); ++j) {
            const char b = lower(to[j - 1]);
            current[j] =
                std::min({last[j] + 1, current[j - 1] + 1, last[j - 1] + (a == b ? 0 : 1)});
            const bool swapped = i > 1 && j > 1 && a == lower(to[j - 2]) && lower(from[i - 2]) == b;
            if (swapped) current[j] = std::min(current[j], before_last[j - 2] + 1);
        }
        std::swap(before_last, last);
        std::swap(last, current);
    }
    return last[to.size()];
}

std::string_view nearest_name(std::string_view text, const std::vector<std::string_view>& known) {
    if (text.size() > kLongestName) return {};
    std::string_view nearest;
    int least = 0;
    for (const std::string_view name : known) {
        const int distance = edit_distance(text, name);
        const int allowed = name.size() < 5 ? 1 : std::max(2, static_cast<int>(name.size()) / 3);
        if (distance > allowed) continue;
        if (nearest.empty() || distance < least) {
            nearest = name;
            least = distance;
        }
    }
    return nearest;
}

}  // namespace pilotfish::config
