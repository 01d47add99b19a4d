/* keys: a batch of keys, each of them once, in the order in which they came. */
#ifndef RESILICACHE_TOOLS_RELAY_KEYS_H
#define RESILICACHE_TOOLS_RELAY_KEYS_H

#include "base/buffer.h"
#include "base/map.h"

struct key {
    struct map_node node; /* node.key: its bytes */
    uint64_t version;     /* the newest that was told; 0: none */
    char bytes[];
};

struct keys {
    struct key **all;
    size_t count, room;
    size_t size;       /* of their bytes together */
    struct map by_key; /* made with the first of them */
    struct buffer making;
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
