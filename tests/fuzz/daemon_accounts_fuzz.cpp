// Fuzzes /etc/passwd and /etc/group, which come with the image. The input's first byte says where
// the name to look for ends; the rest is both files at once.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/check.h"
#include "daemon/accounts.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pilotfish;
    if (size == 0) return 0;
    const std::string_view all(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::string_view name = all.substr(0, data[0] % 16);
    const std::string_view text = all.substr(name.size());
    if (const auto account = daemon::find_account(text, name)) {
        PF_CHECK(account->name == name && !name.empty(), "somebody else's account");
        const auto same = daemon::find_account(text, account->user);
        PF_CHECK(same && same->user == account->user, "an account without its number");
    }
    auto groups = daemon::groups_of(text, name, 7);
    PF_CHECK(groups.front() == 7, "the first group is another one");
    std::sort(groups.begin(), groups.end());
    PF_CHECK(std::adjacent_find(groups.begin(), groups.end()) == groups.end(), "a group twice");
    daemon::find_group(text, name);
    return 0;
}
