#include <array>

#include "config/command_text.h"
#include "config/setting_row_of.h"
#include "config/worker_settings.h"

namespace pilotfish::config {
namespace {

constexpr std::string_view kIdentity = "As whom and how";
constexpr std::string_view kHooks = "Before and after it";
constexpr std::string_view kCommandForm =
    R"(a JSON array such as ["nginx","-g","daemon off;"], or words with quotes)";

template <class T>
T& value_in(std::optional<T>& field) {
    return field ? *field : field.emplace();
}
template <class T>
T& value_in(T& field) {
    return field;
}

// A field, or an optional one, that is read and shown by functions of its own.
template <auto Member, auto Parse, auto Format>
constexpr SettingRow<WorkerSettings> row_by(std::string_view name, std::string_view type,
                                            Words words) {
    return {
        .name = name,
        .type = type,
        .accepted = words.accepted,
        .unit = {},
        .group = words.group,
        .help = words.help,
        .default_words = words.default_words,
        .read =
            [](std::string_view text, std::string_view, WorkerSettings& worker, std::string& why) {
                auto field = worker.*Member;
                if (!Parse(text, value_in(field), why)) return false;
                worker.*Member = std::move(field);
                return true;
            },
        .show = [](const WorkerSettings& worker) -> std::string {
            const auto& field = worker.*Member;
            if constexpr (requires { field.has_value(); }) {
                return field ? Format(*field) : std::string();
            } else {
                return Format(field);
            }
        }};
}

template <auto Member>
constexpr SettingRow<WorkerSettings> command_row(std::string_view name, Words words) {
    words.accepted = kCommandForm;
    return row_by<Member, parse_command, format_command>(name, "command", words);
}

constexpr std::array kRows{
    row_by<&WorkerSettings::user, parse_user, format_user>(
        "USER", "user",
        {kIdentity, "the user it runs as, with the groups of /etc/group; HOME and USER follow",
         "a user's name or number, or user:group", "the daemon's own"}),
    row_by<&WorkerSettings::group, parse_group, format_group>(
        "GROUP", "group",
        {kIdentity, "the group it runs as, then groups it has besides its others",
         "a group's name or number, or several with commas between, such as 1000,2000,docker",
         "USER's own, else the daemon's"}),
    row_by<&WorkerSettings::umask, parse_umask, format_umask>(
        "UMASK", "number",
        {kIdentity, "permissions that files it makes do not get",
         "an octal number from 0 to 0777, such as 022", "the daemon's own"}),
    row_by<&WorkerSettings::env_file, parse_environment_files, format_environment_files>(
        "ENVFILE", "paths",
        {kIdentity, "files of NAME=value lines, read at each start; ENV_<VAR> wins over them",
         "absolute paths with commas between; one behind - need not be there"}),
    row_by<&WorkerSettings::nice, parse_niceness,
           [](Niceness n) { return std::to_string(n.value); }>(
        "NICE", "number",
        {kIdentity, "its turn at the processors, -20 being first", "a whole number from -20 to 19",
         "the daemon's own"}),
    row_by<&WorkerSettings::io_priority, parse_io_priority, format_io_priority>(
        "IO_PRIORITY", "choice",
        {kIdentity, "its turn at the disks, 0 being first",
         "best-effort:0 to best-effort:7, "
         "realtime:0 to realtime:7, or idle",
         "the daemon's own"}),
    row_by<&WorkerSettings::capabilities, parse_capabilities, format_capabilities>(
        "CAPABILITIES", "names",
        {kIdentity, "the capabilities it keeps, also as another user, and no others ever after",
         "none, all, names such as cap_net_bind_service,cap_kill, or all,-cap_sys_admin",
         "as the kernel decides"}),
    row<&WorkerSettings::no_new_privs>("NO_NEW_PRIVS",
                                       {kIdentity,
                                        "no program it runs gains rights by set-user-ID or file "
                                        "capabilities"}),
    row_by<&WorkerSettings::pdeathsig, parse_signal, format_signal>(
        "PDEATHSIG", "signal",
        {kIdentity, "the signal it gets when the daemon dies",
         "a signal: TERM, SIGTERM, 15 or "
         "RTMIN+1"}),
    command_row<&WorkerSettings::pre_start>(
        "PRE_START",
        {kHooks, "run before each start, as the worker; if it fails, so did the start"}),
    command_row<&WorkerSettings::post_stop>(
        "POST_STOP", {kHooks, "run after each end, with PILOTFISH_EXIT_REASON and the like"}),
};

}  // namespace

std::span<const SettingRow<WorkerSettings>> identity_settings() { return kRows; }

}  // namespace pilotfish::config
