#include "daemon/build.h"

namespace pilotfish::daemon {
namespace {

#if defined(__clang__)
constexpr const char* kCompiler = "clang " __clang_version__;
#else
constexpr const char* kCompiler = "gcc " __VERSION__;
#endif

#if defined(__x86_64__)
constexpr const char* kTarget = "x86_64-linux";
#elif defined(__aarch64__)
constexpr const char* kTarget = "aarch64-linux";
#else
#error "pilotfish is built for x86-64 and arm64"
#endif

}  // namespace

http::BuildView build_view() {
    http::BuildView build;
    build.version = PILOTFISH_VERSION;
    build.compiler = kCompiler;
    while (!build.compiler.empty() && build.compiler.back() == ' ') build.compiler.pop_back();
    build.target = kTarget;
    return build;
}

std::string version_text(config::OutputForm form) {
    const http::BuildView build = build_view();
    // Our own words only: nothing in them needs escaping.
    if (form == config::OutputForm::json) {
        return R"({"version":")" + build.version + R"(","compiler":")" + build.compiler +
               R"(","target":")" + build.target + "\"}\n";
    }
    return "pilotfish " + build.version + " (" + build.compiler + ", " + build.target + ")\n";
}

}  // namespace pilotfish::daemon
