/* map: from bytes to a struct that carries its own node, so that adding an entry needs no memory and can't fail.
 * The caller owns entries and key bytes; both outlive the entry's stay. */
#ifndef RESILICACHE_BASE_MAP_H
#define RESILICACHE_BASE_MAP_H

#include "base/slice.h"

#include <stdint.h>

struct map_node {
    struct map_node *next;
    uint64_t hash;
    struct slice key;
};

struct map {
    struct map_node **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
    uint64_t seed; /* random, so that nobody can choose keys that collide */
};

bool map_init(struct map *map, uint64_t seed); /* false for want of memory */
void map_clear(struct map *map);               /* frees the buckets, not the entries */
uint64_t map_hash(const struct map *map, struct slice key);
struct map_node *map_find(const struct map *map, struct slice key);
/* For who knows the hash already. */
struct map_node *map_find_hashed(const struct map *map, struct slice key, uint64_t hash);
/* `node->key` is set and not in the map. */
void map_add(struct map *map, struct map_node *node);
void map_remove(struct map *map, struct map_node *node);

#endif
