#include "daemon/doctor.h"

#include <algorithm>
#include <string_view>

#include "config/text_page.h"

namespace pilotfish::daemon {
namespace {

using http::Finding;
using http::Verdict;

class Examination {
  public:
    explicit Examination(const Patient& patient) : patient_(patient) {}

    std::vector<Finding> take() {
        look_at_configuration();
        look_at_limits();
        look_at_supervision();
        look_at_admin();
        for (Finding& finding : diagnostics_here(patient_.facts))
            findings_.push_back(std::move(finding));
        return std::move(findings_);
    }

  private:
    void add(std::string_view topic, std::string_view item, Verdict verdict, std::string what,
             std::string mend = {}) {
        findings_.push_back({std::string(topic), std::string(item), verdict, std::move(what),
                             verdict == Verdict::ok ? std::string() : std::move(mend)});
    }

    const config::Settings* settings() const {
        return patient_.configuration ? &patient_.configuration->settings : nullptr;
    }

    template <class Test>
    bool any_worker(Test test) const {
        if (!patient_.configuration) return false;
        const auto& workers = patient_.configuration->workers;
        return std::any_of(workers.begin(), workers.end(),
                           [&](const auto& worker) { return test(worker.settings); });
    }

    void look_at_configuration() {
        if (!patient_.configuration) {
            add("configuration", "settings", Verdict::failed,
                patient_.configuration.error().message, "pilotfish check");
            return;
        }
        add("configuration", "settings", Verdict::ok,
            std::to_string(patient_.configuration->workers.size()) + " workers declared");
        for (const std::string& warning : patient_.configuration->warnings)
            add("configuration", "settings", Verdict::warning, warning, "pilotfish check");
    }

    void look_at_limits() {
        const core::Limits& limits = patient_.limits;
        const std::string doubts = limits.warnings.empty()
                                       ? "something was there and could not be read"
                                       : limits.warnings.front();
        const char* const see = "pilotfish limits shows each file; mount /sys/fs/cgroup read-only";
        if (limits.cpu.state == core::LimitState::unknown)
            add("limits", "CPU limit", Verdict::failed, doubts, see);
        else
            add("limits", "CPU limit", Verdict::ok, patient_.derived.maxprocs_reason);
        if (limits.memory.state == core::LimitState::unknown) {
            add("limits", "memory limit", Verdict::failed, doubts, see);
        } else if (limits.memory.state == core::LimitState::unlimited) {
            add("limits", "memory limit", Verdict::warning,
                "none: whoever grows takes memory from the whole node",
                "resources: {limits: {memory: 512Mi}}, or docker run --memory 512m");
        } else {
            add("limits", "memory limit", Verdict::ok, patient_.derived.soft_limit_reason);
        }
        if (patient_.facts.has_pressure)
            add("limits", "pressure", Verdict::ok, "the kernel tells of it (PSI)");
        else
            add("limits", "pressure", Verdict::warning,
                "the kernel does not tell how long processes wait for memory and processors",
                "boot the node with psi=1");
        look_at_caps();
    }

    void look_at_caps() {
        if (patient_.facts.groups_writable) {
            add("limits", "groups for workers", Verdict::ok, "can be made");
            return;
        }
        const bool wanted = any_worker([](const config::WorkerSettings& worker) {
            return worker.cpu.has_value() || worker.memory.has_value();
        });
        const char* const what =
            "cgroups are read-only, as in a normal pod: CPU and MEMORY of a "
            "worker are hints to its runtime, no caps";
        add("limits", "groups for workers", wanted ? Verdict::warning : Verdict::ok, what,
            "run it privileged, or delegate a cgroup; or let the hints do");
    }

    void look_at_supervision() {
        const ContainerFacts& facts = patient_.facts;
        const config::Settings* const now = settings();
        if (facts.pid == 1)
            add("supervision", "first process", Verdict::ok, "it is the init of this container");
        else if (now != nullptr && !now->subreaper)
            add("supervision", "first process", Verdict::warning,
                "it is process " + std::to_string(facts.pid) +
                    " and no subreaper: orphans of its workers go elsewhere",
                "PILOTFISH_SUBREAPER=true, or make it the ENTRYPOINT");
        else
            add("supervision", "first process", Verdict::ok,
                "as process " + std::to_string(facts.pid) +
                    " it would be a subreaper: orphans of its workers come to it");
        look_at_open_files();
        const bool changes_user = any_worker(
            [](const config::WorkerSettings& worker) { return !worker.user.user.empty(); });
        if (facts.uid == 0 && !changes_user)
            add("supervision", "user", Verdict::warning, "it runs as root",
                "securityContext: {runAsNonRoot: true, runAsUser: 65534}, or USER of a worker");
        else
            add("supervision", "user", Verdict::ok, "uid " + std::to_string(facts.uid));
        if (facts.no_new_privileges)
            add("supervision", "new privileges", Verdict::ok, "no process can gain any");
        else
            add("supervision", "new privileges", Verdict::warning,
                "a set-uid program may gain privileges",
                "securityContext: {allowPrivilegeEscalation: false}, or NO_NEW_PRIVS of a worker");
    }

    void look_at_open_files() {
        const ContainerFacts& facts = patient_.facts;
        if (facts.open_files == 0) return;
        const std::size_t workers =
            patient_.configuration ? patient_.configuration->workers.size() : 1;
        // A process descriptor and two pipes a worker; listeners, clients and files beside.
        const std::uint64_t wanted = 64 + 5 * workers;
        const std::string has = std::to_string(facts.open_files) + " allowed";
        if (facts.open_files >= wanted)
            add("supervision", "open files", Verdict::ok, has);
        else
            add("supervision", "open files", Verdict::failed,
                has + ", " + std::to_string(wanted) + " needed for " + std::to_string(workers) +
                    " workers",
                facts.open_files_most >= wanted ? "ulimit -n " + std::to_string(wanted)
                                                : "docker run --ulimit nofile=65536");
    }

    void look_at_admin() {
        const config::Settings* const now = settings();
        if (now == nullptr) return;
        const bool outside = std::any_of(now->admin_listen.begin(), now->admin_listen.end(),
                                         [](const config::ListenAddress& address) {
                                             return !address.is_unix() && !is_loopback(address);
                                         });
        if (patient_.facts.is_kubernetes && now->probe_listen.empty() && !outside)
            add("admin", "probes", Verdict::warning,
                "nothing listens where the kubelet could ask for /livez and /readyz",
                "PILOTFISH_PROBE_LISTEN=[::]:9912, or exec probes: pilotfish probe readyz");
        else
            add("admin", "probes", Verdict::ok,
                now->probe_listen.empty() ? "pilotfish probe, or the admin address"
                                          : "on an address of their own");
        const bool has_token = !now->admin_token.empty() || !now->admin_token_file.empty() ||
                               !now->read_token.empty() || !now->read_token_file.empty();
        if (outside && !has_token)
            add("admin", "access", Verdict::warning,
                "without a token an outside address serves probes and metrics only",
                "PILOTFISH_ADMIN_TOKEN_FILE=/run/secrets/pilotfish, from a Secret");
        else if (!now->admin_token.empty() || !now->read_token.empty())
            add("admin", "access", Verdict::warning,
                "a token stands in the environment, which whoever may read /proc/PID/environ sees",
                "PILOTFISH_ADMIN_TOKEN_FILE and PILOTFISH_READ_TOKEN_FILE instead");
        else
            add("admin", "access", Verdict::ok,
                outside ? "outside by token" : "from this pod only");
    }

    static bool is_loopback(const config::ListenAddress& address) {
        return address.host.starts_with("127.") || address.host == "::1" ||
               address.host == "localhost";
    }

    const Patient& patient_;
    std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> examine(const Patient& patient) { return Examination(patient).take(); }

std::string findings_text(const std::vector<Finding>& findings, bool colour) {
    std::size_t columns = 0;
    for (const Finding& finding : findings) columns = std::max(columns, finding.item.size() + 2);
    config::TextPage page(colour);
    std::string topic;
    for (const Finding& finding : findings) {
        if (finding.topic != topic) page.heading(topic = finding.topic);
        page.entry(finding.item, std::string(to_text(finding.verdict)) + ": " + finding.what,
                   columns);
        if (!finding.mend.empty()) page.entry("", "mend: " + finding.mend, columns);
    }
    return page.take();
}

int exit_code(const std::vector<Finding>& findings) {
    return std::any_of(findings.begin(), findings.end(),
                       [](const Finding& each) { return each.verdict == Verdict::failed; })
               ? 1
               : 0;
}

}  // namespace pilotfish::daemon
