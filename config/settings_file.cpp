#include "config/settings_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "config/in_quotes.h"
#include "config/json_text.h"
#include "config/setting_table.h"

namespace pilotfish::config {
namespace {

bool is_user_set(Origin origin) {
    return origin == Origin::environment || origin == Origin::command_line;
}

template <class Owner>
void apply(const SettingRow<Owner>& row, const FileSetting& setting, bool overridden, Owner& owner,
           Origin& origin, std::vector<std::string>& errors) {
    if (setting.text.empty() && !row.allows_empty) {
        errors.push_back("cannot use " + setting.place + ": it is empty; it needs " +
                         std::string(row.accepted) + ", or null for the default");
        return;
    }
    Owner unused;
    std::string why;
    if (!row.read(setting.text, setting.suffix, overridden ? unused : owner, why)) {
        std::string sentence = "cannot use " + setting.place;
        if (!row.is_secret) sentence.append(", ").append(in_quotes(setting.text));
        sentence.append(": it ");
        if (!why.empty()) sentence.append(why).append("; it ");
        errors.push_back(sentence.append("needs ").append(row.accepted));
    }
    // A faulty one was meant to be there all the same: no other fault shall follow from it.
    if (!overridden) origin = Origin::file;
}

template <class Owner>
const SettingRow<Owner>* row_of(std::span<const SettingRow<Owner>> rows, std::string_view name) {
    const auto row =
        std::find_if(rows.begin(), rows.end(), [&](const auto& each) { return each.name == name; });
    return row == rows.end() ? nullptr : &*row;
}

struct Descriptor {
    int fd;
    ~Descriptor() {
        if (fd >= 0) close(fd);
    }
};

}  // namespace

core::Result<std::string> read_settings_file(const std::string& path) {
    const std::string what = "use PILOTFISH_CONFIG=" + in_quotes(path) + ": ";
    // O_NONBLOCK: to open a pipe would wait for its writer.
    const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    if (file.fd < 0) return core::system_error(what + "open", errno);
    struct stat status{};
    if (fstat(file.fd, &status) != 0) return core::system_error(what + "fstat", errno);
    if (!S_ISREG(status.st_mode)) return core::Error{"cannot " + what + "it is no regular file", 0};
    std::string text;
    // One byte more than may be, to see that there is more.
    text.resize(kLongestJson + 1);
    std::size_t length = 0;
    while (length < text.size()) {
        const ssize_t got = read(file.fd, text.data() + length, text.size() - length);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return core::system_error(what + "read", errno);
        if (got == 0) break;
        length += static_cast<std::size_t>(got);
    }
    if (length > kLongestJson)
        return core::Error{
            "cannot " + what + "it has more than " + std::to_string(kLongestJson) + " bytes", 0};
    text.resize(length);
    return text;
}

void apply_to_daemon(const FileSettings& file, Configuration& configuration,
                     std::vector<std::string>& errors) {
    const auto rows = global_settings();
    for (const FileSetting& setting : file.settings) {
        if (!setting.worker.empty()) continue;
        const auto* const row = row_of(rows, setting.name);
        Origin& origin = configuration.origins[static_cast<std::size_t>(row - rows.data())];
        apply(*row, setting, is_user_set(origin), configuration.settings, origin, errors);
    }
}

void apply_to_workers(const FileSettings& file, Configuration& configuration,
                      std::vector<std::string>& errors) {
    const auto rows = worker_settings();
    for (const FileSetting& setting : file.settings) {
        if (setting.worker.empty()) continue;
        auto& workers = configuration.workers;
        const auto worker = std::find_if(workers.begin(), workers.end(), [&](const auto& each) {
            return each.settings.name == setting.worker;
        });
        if (worker == workers.end()) continue;  // refused, which was told
        const auto* const row = row_of(rows, setting.name);
        Origin& origin = worker->origins[static_cast<std::size_t>(row - rows.data())];
        if (!row->is_prefix()) {
            apply(*row, setting, is_user_set(origin), worker->settings, origin, errors);
            continue;
        }
        // Each suffix is a setting of its own: the environment may have given this very one.
        const auto known = row->each(worker->settings);
        const bool overridden = std::any_of(known.begin(), known.end(), [&](const auto& each) {
            return each.first == setting.suffix;
        });
        apply(*row, setting, overridden, worker->settings, origin, errors);
        if (!overridden) worker->from_file.push_back(setting.name + setting.suffix);
    }
}

}  // namespace pilotfish::config
