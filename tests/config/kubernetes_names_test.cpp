#include "config/kubernetes_names.h"

#include <gtest/gtest.h>

#include <utility>

namespace pilotfish::config {
namespace {

TEST(KubernetesServiceVariable, IsKnownByItsNameAndItsValue) {
    const std::pair<const char*, const char*> cases[] = {
        {"PILOTFISH_SERVICE_HOST", "10.96.0.1"},
        {"PILOTFISH_SERVICE_HOST", "fd00::1"},
        {"PILOTFISH_SERVICE_PORT", "9911"},
        {"PILOTFISH_SERVICE_PORT_ADMIN", "9911"},
        {"PILOTFISH_PORT", "tcp://10.96.0.1:9911"},
        {"PILOTFISH_PORT", "tcp://[fd00::1]:9911"},
        {"PILOTFISH_PORT_9911_TCP", "tcp://10.96.0.1:9911"},
        {"PILOTFISH_PORT_53_UDP", "udp://10.96.0.1:53"},
        {"PILOTFISH_PORT_9911_TCP_PROTO", "tcp"},
        {"PILOTFISH_PORT_9911_SCTP_PROTO", "sctp"},
        {"PILOTFISH_PORT_9911_TCP_PORT", "9911"},
        {"PILOTFISH_PORT_9911_TCP_ADDR", "10.96.0.1"},
        {"PILOTFISH_WEB_PORT_X_SERVICE_HOST", "10.96.0.1"},
        {"PILOTFISH_WEB_PORT_X_PORT_80_TCP", "tcp://10.96.0.1:80"}};
    for (const auto& [name, value] : cases) {
        EXPECT_TRUE(is_kubernetes_service_variable(name, value)) << name << "=" << value;
    }
}

TEST(KubernetesServiceVariable, IsNoneWhenItsNameOrItsValueDoesNotFit) {
    const std::pair<const char*, const char*> cases[] = {
        {"PILOTFISH_SERVICE_HOST", "db.local"},
        {"PILOTFISH_SERVICE_PORT", "tcp://10.96.0.1:9911"},
        {"PILOTFISH_SERVICE_PORT", "0"},
        {"PILOTFISH_SERVICE_PORT_ADMIN", "http"},
        {"PILOTFISH_PORT", "9911"},
        {"PILOTFISH_PORT", "http://10.96.0.1:80"},
        {"PILOTFISH_PORT", "tcp://host:80"},
        {"PILOTFISH_PORT_X_TCP", "tcp://10.96.0.1:9911"},
        {"PILOTFISH_PORT_80_ICMP", "tcp://10.96.0.1:80"},
        {"PILOTFISH_PORT_80_TCP_PROTO", "http"},
        {"PILOTFISH_PORT_80_TCP_NAME", "10.96.0.1"},
        {"PILOTFISH_PORT_", "80"},
        {"PILOTFISH_MAXPROC", "2"},
        {"PILOTFISH_SERVICE_HOST", ""}};
    for (const auto& [name, value] : cases) {
        EXPECT_FALSE(is_kubernetes_service_variable(name, value)) << name << "=" << value;
    }
}

}  // namespace
}  // namespace pilotfish::config
