#include "daemon/duration_text.h"

#include <cstdio>

namespace pilotfish::daemon {

std::string duration_text(std::chrono::nanoseconds duration) {
    char text[48];
    const double seconds = std::chrono::duration<double>(duration).count();
    if (seconds < 1) {
        std::snprintf(text, sizeof text, "%.0f ms", seconds * 1e3);
    } else if (seconds < 60) {
        std::snprintf(text, sizeof text, "%.1f s", seconds);
    } else if (seconds < 3600) {
        std::snprintf(text, sizeof text, "%d min %d s", static_cast<int>(seconds) / 60,
                      static_cast<int>(seconds) % 60);
    } else {
        std::snprintf(text, sizeof text, "%d h %d min", static_cast<int>(seconds) / 3600,
                      static_cast<int>(seconds) % 3600 / 60);
    }
    return text;
}

}  // namespace pilotfish::daemon
