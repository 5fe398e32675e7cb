// What a plugin and the executable that loads it must agree on, as one number and in words.
//
// Both are fixed when a file that includes this header is compiled: a plugin carries those of its
// own compiler and of the headers it was built with, the executable compares them with its own
// before it calls anything else. In it: the release, which is the promise itself (what is below
// says more only where somebody built one release in two ways); the compiler's family (GCC and
// clang lay coroutine frames out alike, but only one of the two has built what the inline functions
// of a header promise one another), the standard library with its release and its ABI flags, the
// sanitizers, the protocol's number and the size of every structure that inline code touches.
// NDEBUG is not in it: no layout depends on it.
//
// The compiled part of core is one in the process, the executable's. What a header defines inline
// is compiled into each plugin as well, so no header keeps state of its own: no inline variable
// that changes, no static in an inline function.
//
// Constants; nothing blocks or fails. Limits: a change of meaning that moves no member is seen only
// when kPluginProtocol is raised with it.
#pragma once

#include <cstdint>
#include <source_location>
#include <string_view>

#include "core/async_fd.h"
#include "core/blocking.h"
#include "core/byte_stream.h"
#include "core/channel.h"
#include "core/sleep.h"
#include "core/task.h"
#include "core/task_group.h"
#include "core/timer_heap.h"

#if defined(__clang__)
#define PF_ABI_COMPILER "clang"
#else
#define PF_ABI_COMPILER "gcc"
#endif

#if defined(_LIBCPP_VERSION)
#define PF_ABI_LIBRARY ", libc++"
#elif defined(_GLIBCXX_DEBUG)
#define PF_ABI_LIBRARY ", libstdc++ with _GLIBCXX_DEBUG"
#elif !_GLIBCXX_USE_CXX11_ABI
#define PF_ABI_LIBRARY ", libstdc++ with _GLIBCXX_USE_CXX11_ABI=0"
#else
#define PF_ABI_LIBRARY ", libstdc++"
#endif

#if defined(__has_feature)
#define PF_HAS_FEATURE(name) __has_feature(name)
#else
#define PF_HAS_FEATURE(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || PF_HAS_FEATURE(address_sanitizer)
#define PF_ABI_SANITIZER ", address sanitizer"
#elif defined(__SANITIZE_THREAD__) || PF_HAS_FEATURE(thread_sanitizer)
#define PF_ABI_SANITIZER ", thread sanitizer"
#else
#define PF_ABI_SANITIZER ""
#endif

// _GLIBCXX_RELEASE: what its templates do inside a plugin and inside the executable is the same.
#if defined(_GLIBCXX_RELEASE)
#define PF_ABI_TEXT_OF(number) #number
#define PF_ABI_TEXT(number) PF_ABI_TEXT_OF(number)
#define PF_ABI_LIBRARY_RELEASE " " PF_ABI_TEXT(_GLIBCXX_RELEASE)
#else
#define PF_ABI_LIBRARY_RELEASE ""
#endif

// As in the CMakeLists.txt of the project; daemon/plugin_file.cpp compares. The headers are
// installed as they are.
#define PF_ABI_RELEASE "0.1.0"

namespace pilotfish::core {

// Raised when inline code of core's headers changes what it expects of the compiled part.
constexpr std::uint64_t kPluginProtocol = 1;

// Not inline, and so one in each file: the dynamic linker must not give a plugin the executable's.
constexpr char kPluginAbiWords[] =
    "pilotfish " PF_ABI_RELEASE
    ", " PF_ABI_COMPILER PF_ABI_LIBRARY PF_ABI_LIBRARY_RELEASE PF_ABI_SANITIZER;

// FNV-1a over the words and the sizes.
consteval std::uint64_t plugin_abi_hash() {
    constexpr std::uint64_t kPrime = 0x100000001b3U;
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char letter : std::string_view(kPluginAbiWords))
        hash = (hash ^ static_cast<unsigned char>(letter)) * kPrime;
    const std::uint64_t numbers[] = {kPluginProtocol,
                                     sizeof(void*),
                                     sizeof(std::source_location),
                                     sizeof(FrameBase),
                                     sizeof(TaskRecord),
                                     sizeof(ThreadState),
                                     sizeof(Waiter),
                                     sizeof(TimedWaiter),
                                     sizeof(PollEntry),
                                     sizeof(AsyncFd),
                                     sizeof(BlockingJob),
                                     sizeof(Channel<int>),
                                     sizeof(SpawnOptions),
                                     sizeof(ReceiveAwait<int>),
                                     sizeof(ReadyAwait),
                                     sizeof(JoinAwait<int>),
                                     sizeof(ChildAwait<int>),
                                     sizeof(TaskPromise<int>),
                                     sizeof(TaskGroup),
                                     sizeof(TaskTags),
                                     sizeof(ByteStream),
                                     sizeof(IoAwait<ReadSome>)};
    for (const std::uint64_t number : numbers) hash = (hash ^ number) * kPrime;
    return hash;
}

}  // namespace pilotfish::core
