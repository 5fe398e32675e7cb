// Tells the variables that Kubernetes injects for a Service called pilotfish... from our settings.
//
// Any thread, never blocks, never fails. Source: kubernetes.io, "Service", section "Environment
// variables"; the kubelet's envvars package writes them in the form of Docker's old links.
#pragma once

#include <string_view>

namespace pilotfish::config {

// True only when both fit: the name ends as the kubelet ends it, and the value is what it puts
// there.
//   *_SERVICE_HOST=10.0.0.1           *_SERVICE_PORT[_NAME]=80         *_PORT=tcp://10.0.0.1:80
//   *_PORT_80_TCP=tcp://10.0.0.1:80   *_PORT_80_TCP_PROTO=tcp          *_PORT_80_TCP_PORT=80
//   *_PORT_80_TCP_ADDR=10.0.0.1
bool is_kubernetes_service_variable(std::string_view name, std::string_view value);

}  // namespace pilotfish::config
