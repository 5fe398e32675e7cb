/* What a plugin built by an unknown compiler would say of itself. Its coroutine must never be
 * called. */
#include <stdint.h>
#include <stdlib.h>

static void* never(void* context) {
    (void)context;
    abort();
}

static const struct {
    uint32_t size_bytes, version;
    uint64_t abi_hash;
    const char *abi_words, *name;
    void* (*run)(void*);
} descriptor = {40, 1, 42, "a compiler from the future, libc+++", "other_abi", never};

const void* pilotfish_plugin_v1(void) { return &descriptor; }
