#include "http/finding.h"

#include <gtest/gtest.h>

namespace pilotfish::http {
namespace {

TEST(Findings, AreCountedAndInOrder) {
    const std::vector<Finding> findings = {
        {"limits", "CPU limit", Verdict::ok, "1.5 CPUs", ""},
        {"limits", "memory limit", Verdict::warning, "none", "x"},
        {"admin", "access", Verdict::failed, "\"no\"", "y"}};
    EXPECT_EQ(
        render_findings(findings),
        "{\"ok\":1,\"warnings\":1,\"failed\":1,\"findings\":["
        "{\"topic\":\"limits\",\"item\":\"CPU limit\",\"verdict\":\"ok\",\"what\":\"1.5 CPUs\","
        "\"mend\":null},"
        "{\"topic\":\"limits\",\"item\":\"memory limit\",\"verdict\":\"warning\","
        "\"what\":\"none\",\"mend\":\"x\"},"
        "{\"topic\":\"admin\",\"item\":\"access\",\"verdict\":\"failed\","
        "\"what\":\"\\\"no\\\"\",\"mend\":\"y\"}]}\n");
}

TEST(Findings, OfNothingAreAnEmptyList) {
    EXPECT_EQ(render_findings({}), "{\"ok\":0,\"warnings\":0,\"failed\":0,\"findings\":[]}\n");
}

}  // namespace
}  // namespace pilotfish::http
