/* keys: a batch of keys, each of them once, in the order in which they came. */
#ifndef RESILICACHE_TOOLS_RELAY_KEYS_H
#define RESILICACHE_TOOLS_RELAY_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keys {
    char *bytes; /* one behind the other, as rcache_op_invalidate takes them; then the one in the making */
    size_t used, capacity;
    size_t made; /* bytes of the whole ones */
    uint32_t *sizes;
    uint64_t *versions; /* the newest that was told; 0: none */
    size_t count, room;
    size_t *offsets;
    size_t *slots; /* by hash: the number of a key, from 1; 0: none */
    size_t slot_count;
};

/* Adds to the key in the making.  These two: false for want of memory. */
bool keys_append(struct keys *keys, const char *bytes, size_t size);
/* Ends it, and drops it if it is there already, with the newer of the two versions. */
bool keys_end(struct keys *keys, uint64_t version);
void keys_abandon(struct keys *keys);
/* Leaves those alone whose place in `keep` is true. */
void keys_leave(struct keys *keys, const bool *keep);
void keys_empty(struct keys *keys);
void keys_free(struct keys *keys);

#endif
