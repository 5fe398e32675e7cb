// The page functions of the route table: a request and the sources in, a response out. One file a
// family: page_probes.cpp, page_metrics.cpp, page_v1.cpp, page_control.cpp, page_events.cpp,
// page_logs.cpp, page_pprof.cpp, page_index.cpp.
//
// Any thread, concurrently. Block no longer than the source they ask. Fail as a problem response.
#pragma once

#include "http/message.h"

namespace pilotfish::http {

struct PageContext;

Response index_page(const Request&, const PageContext&);
Response livez_page(const Request&, const PageContext&);
Response readyz_page(const Request&, const PageContext&);
Response startupz_page(const Request&, const PageContext&);
Response metrics_page(const Request&, const PageContext&);
Response runtime_page(const Request&, const PageContext&);
Response limits_page(const Request&, const PageContext&);
Response config_page(const Request&, const PageContext&);
Response workers_page(const Request&, const PageContext&);
Response worker_page(const Request&, const PageContext&);
Response worker_log_page(const Request&, const PageContext&);
Response start_page(const Request&, const PageContext&);
Response stop_page(const Request&, const PageContext&);
Response restart_page(const Request&, const PageContext&);
Response signal_page(const Request&, const PageContext&);
Response shutdown_page(const Request&, const PageContext&);
Response upgrade_page(const Request&, const PageContext&);
Response reload_page(const Request&, const PageContext&);
Response events_page(const Request&, const PageContext&);
Response pprof_index_page(const Request&, const PageContext&);
Response pprof_tasks_page(const Request&, const PageContext&);
Response capabilities_page(const Request&, const PageContext&);
Response pprof_cmdline_page(const Request&, const PageContext&);

}  // namespace pilotfish::http
