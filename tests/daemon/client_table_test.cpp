#include "daemon/client_table.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace pilotfish::daemon {
namespace {

http::WorkerView running(const std::string& name) {
    http::WorkerView worker;
    worker.name = name;
    worker.state = "ready";
    worker.up = true;
    worker.pid = 17;
    worker.uptime_seconds = 4000;
    worker.restarts = {{"exit", 2}, {"liveness", 1}};
    worker.cpu_seconds = 12.34;
    worker.resident_bytes = 15 * 1024 * 1024;
    return worker;
}

TEST(StatusTable, HasColumnsAsWideAsWhatIsInThem) {
    http::WorkerView waits;
    waits.name = "log-shipper";
    waits.state = "backoff";
    waits.next_try_seconds = 3;
    waits.exit_text = "exited with code 3 after 1.2 s";
    EXPECT_EQ(status_table({running("web"), waits}, false),
              "NAME         STATE    PID   UPTIME  RESTARTS    CPU  MEMORY  NOTE\n"
              "web          ready     17  1 h 6 m         3   12 s  15 MiB\n"
              "log-shipper  backoff    -        -         0  0.0 s       -  next try in 3.0 s; "
              "exited with code 3 after 1.2 s\n");
}

TEST(StatusTable, ColoursTheStateAloneAndOnlyWhenAsked) {
    const std::string plain = status_table({running("web")}, false);
    EXPECT_EQ(plain.find('\x1b'), std::string::npos);
    std::string coloured = status_table({running("web")}, true);
    EXPECT_NE(coloured.find("\x1b[32mready\x1b[0m"), std::string::npos) << coloured;
    for (const std::string code : {"\x1b[32m", "\x1b[0m"})
        coloured.erase(coloured.find(code), code.size());
    EXPECT_EQ(coloured, plain) << "colours move nothing";
}

TEST(StatusTable, DoesNotObeyWhatAProgramSaysOfItself) {
    http::WorkerView worker = running("web");
    worker.health = "up\x1b[2J\nfailed  ready";
    const std::string text = status_table({worker}, false);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
}

TEST(StatusTable, OfNobodySaysSo) { EXPECT_EQ(status_table({}, true), "no workers\n"); }

TEST(ShortTime, NamesTheTwoUnitsThatMatter) {
    EXPECT_EQ(short_time(0), "0.0 s");
    EXPECT_EQ(short_time(9.94), "9.9 s");
    EXPECT_EQ(short_time(9.96), "9 s");
    EXPECT_EQ(short_time(59.9), "59 s");
    EXPECT_EQ(short_time(60), "1 m");
    EXPECT_EQ(short_time(3599), "59 m 59 s");
    EXPECT_EQ(short_time(12000), "3 h 20 m");
    EXPECT_EQ(short_time(86400 * 2 + 3600 * 4), "2 d 4 h");
    EXPECT_EQ(short_time(-1), "?");
    EXPECT_EQ(short_time(1e300), "?");
}

TEST(ShortSize, HasThreeFiguresAtMost) {
    EXPECT_EQ(short_size(0), "0 B");
    EXPECT_EQ(short_size(1023), "1023 B");
    EXPECT_EQ(short_size(1536), "1.5 KiB");
    EXPECT_EQ(short_size(UINT64_C(1) << 20), "1.0 MiB");
    EXPECT_EQ(short_size(UINT64_C(300) << 30), "300 GiB");
    EXPECT_EQ(short_size(UINT64_MAX), "16777216 TiB");
}

}  // namespace
}  // namespace pilotfish::daemon
