#include "cgroup/explain.h"

#include <algorithm>
#include <string_view>

#include "cgroup/derive.h"
#include "cgroup/limit_file.h"

namespace pilotfish::cgroup {
namespace {

class Page {
  public:
    explicit Page(bool colour) : colour_(colour) {}

    void title(std::string_view name, std::string_view words, core::LimitState state) {
        if (!text_.empty()) text_ += '\n';
        const char* style = state == core::LimitState::limited   ? "\x1b[1;32m"
                            : state == core::LimitState::unknown ? "\x1b[1;33m"
                                                                 : "\x1b[1m";
        text_ += padded(name, kKeyWidth);
        styled(style, words);
        text_ += '\n';
    }
    void line(std::string_view key, std::string_view words) {
        text_ += "  ";
        styled("\x1b[2m", padded(key, kKeyWidth - 2));
        text_ += printable(words);
        text_ += '\n';
    }
    void warning(std::string_view words) {
        styled("\x1b[33m", "warning ");
        text_ += words;
        text_ += '\n';
    }
    void blank() { text_ += '\n'; }
    std::string take() { return std::move(text_); }

  private:
    static constexpr std::size_t kKeyWidth = 10;
    static std::string padded(std::string_view word, std::size_t width) {
        std::string text(word);
        text.resize(std::max(width, text.size() + 1), ' ');
        return text;
    }
    void styled(const char* style, std::string_view words) {
        if (colour_) text_ += style;
        text_ += words;
        if (colour_) text_ += "\x1b[0m";
    }
    bool colour_;
    std::string text_;
};

std::string version_words(int version) {
    return version == 0 ? std::string() : " (cgroup v" + std::to_string(version) + ")";
}

std::string exact_bytes(std::uint64_t bytes) {
    const std::string words = bytes_text(bytes);
    const std::string exact = std::to_string(bytes) + " bytes";
    return words == exact ? words : words + " (" + exact + ")";
}

// "own group, the least of 3 levels", "2 levels above the own group, ...".
std::string level_words(std::size_t deciding, std::size_t count, bool hidden) {
    std::string words = deciding == 0   ? "the own group"
                        : deciding == 1 ? "1 level above the own group"
                                        : std::to_string(deciding) + " levels above the own group";
    if (count > 1) words += ", the least of " + std::to_string(count) + " visible levels";
    if (hidden) words += "; groups above these are hidden from here";
    return words;
}

template <class Level>
std::size_t position_of(const std::vector<Level>& levels, const std::string& source) {
    const auto found = std::find_if(levels.begin(), levels.end(),
                                    [&](const Level& level) { return level.source == source; });
    return static_cast<std::size_t>(found - levels.begin());
}

std::string whereabouts(int version, std::size_t levels, bool hidden) {
    if (version == 0) return "no cgroup controller here";
    if (levels == 0) return "the root group of cgroup v" + std::to_string(version) + ", no limit";
    std::string words = "cgroup v" + std::to_string(version) + ", " + std::to_string(levels) +
                        (levels == 1 ? " visible level, no limit" : " visible levels, no limit");
    if (hidden) words += "; groups above are hidden from here";
    return words;
}

void explain_cpu(Page& page, const core::CpuLimit& cpu, const core::DerivedLimits& derived) {
    switch (cpu.state) {
        case core::LimitState::limited:
            page.title("CPU", cpus_words(*cpu.cpus), cpu.state);
            page.line("file", cpu.source + version_words(cpu.version));
            page.line("level", level_words(position_of(cpu.levels, cpu.source), cpu.levels.size(),
                                           cpu.ancestors_hidden));
            break;
        case core::LimitState::unlimited:
            page.title("CPU", "no limit", cpu.state);
            page.line("level", whereabouts(cpu.version, cpu.levels.size(), cpu.ancestors_hidden));
            break;
        case core::LimitState::unknown:
            page.title("CPU", "unknown: see the warnings", cpu.state);
            break;
    }
    page.line("machine", std::to_string(cpu.online) + " processors online, " +
                             std::to_string(cpu.affinity) + " allowed (affinity)");
    page.line("so",
              std::to_string(derived.maxprocs) +
                  (derived.maxprocs == 1 ? " scheduler processor: " : " scheduler processors: ") +
                  derived.maxprocs_reason);
}

// v1's own minimum over hidden ancestors stands in memory.stat, which is no level.
std::string memory_level_words(const core::MemoryLimit& memory) {
    if (memory.source.ends_with("/memory.stat"))
        return "hierarchical_memory_limit: a group above that is hidden from here";
    std::size_t count = 0;
    for (const core::MemoryLevel& level : memory.levels)
        count += level.source.ends_with("/memory.stat") ? 0 : 1;
    return level_words(position_of(memory.levels, memory.source), count, memory.ancestors_hidden);
}

void explain_memory(Page& page, const core::MemoryLimit& memory,
                    const core::DerivedLimits& derived) {
    switch (memory.state) {
        case core::LimitState::limited:
            page.title("memory", exact_bytes(*memory.limit_bytes), memory.state);
            page.line("file", memory.source + version_words(memory.version));
            page.line("level", memory_level_words(memory));
            break;
        case core::LimitState::unlimited:
            page.title("memory", "no limit", memory.state);
            page.line("level",
                      whereabouts(memory.version, memory.levels.size(), memory.ancestors_hidden));
            break;
        case core::LimitState::unknown:
            page.title("memory", "unknown: see the warnings", memory.state);
            break;
    }
    if (memory.high_bytes)
        page.line("high", exact_bytes(*memory.high_bytes) + ": the kernel slows us down from here");
    if (memory.total_bytes) page.line("machine", bytes_text(*memory.total_bytes) + " of memory");
    if (memory.rlimit_as_bytes)
        page.line("rlimit", "RLIMIT_AS is " + bytes_text(*memory.rlimit_as_bytes) +
                                ": reported, not applied");
    page.line("so", derived.soft_limit_bytes
                        ? "soft limit " + exact_bytes(*derived.soft_limit_bytes) + ": " +
                              derived.soft_limit_reason
                        : "no soft limit: " + derived.soft_limit_reason);
}

}  // namespace

std::string explain(const core::Limits& limits, const core::DerivedLimits& derived, bool colour) {
    Page page(colour);
    explain_cpu(page, limits.cpu, derived);
    explain_memory(page, limits.memory, derived);
    if (!limits.warnings.empty()) page.blank();
    for (const std::string& warning : limits.warnings) page.warning(warning);
    return page.take();
}

}  // namespace pilotfish::cgroup
