#include "daemon/capabilities.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace pilotfish::daemon {

CapabilityMask own_capabilities() noexcept {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
    if (syscall(SYS_capget, &header, data) != 0) return 0;
    return CapabilityMask{data[1].permitted} << 32 | data[0].permitted;
}

core::Result<CapabilityMask> choose_capabilities(const config::CapabilityChoice& choice,
                                                 CapabilityMask ours) {
    const CapabilityMask wanted = choice.of(ours);
    const CapabilityMask missing = wanted & ~ours;
    if (missing == 0) return wanted;
    return core::Error{"cannot give it " + config::capability_words(missing) +
                       " by CAPABILITIES: the daemon has not got it itself; give it to the "
                       "container (docker run --cap-add, securityContext.capabilities.add)"};
}

}  // namespace pilotfish::daemon
