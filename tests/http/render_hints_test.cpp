#include "http/render_hints.h"

#include <gtest/gtest.h>

namespace pilotfish::http {
namespace {

TEST(RenderHints, ShowsWhatIsHandedAndWhatIsNot) {
    WorkerHintsView worker;
    worker.worker = "web";
    worker.program = "Go 1.26";
    worker.hints.push_back({"GOMEMLIMIT", "1000", "90% of it"});
    worker.omissions.push_back({"GOMAXPROCS", "follows the limit by itself"});
    EXPECT_EQ(render_hints({worker}),
              R"([{"worker":"web","program":"Go 1.26",)"
              R"("variables":[{"name":"GOMEMLIMIT","value":"1000","reason":"90% of it"}],)"
              R"("not_set":[{"name":"GOMAXPROCS","reason":"follows the limit by itself"}]}])"
              "\n");
}

TEST(RenderHints, HasEveryFieldOfAWorkerOfWhichNothingIsKnown) {
    WorkerHintsView worker;
    worker.worker = "main";
    EXPECT_EQ(render_hints({worker}),
              R"([{"worker":"main","program":null,"variables":[],"not_set":[]}])"
              "\n");
    EXPECT_EQ(render_hints({}), "[]\n");
}

}  // namespace
}  // namespace pilotfish::http
