#include "base/map.h"

#include "base/alloc.h"
#include "base/hash.h"

enum { BUCKETS_FIRST = 64 };

bool map_init(struct map *map, uint64_t seed) {
    map->buckets = mem_alloc_zeroed(BUCKETS_FIRST, sizeof *map->buckets);
    map->bucket_count = BUCKETS_FIRST;
    map->count = 0;
    map->seed = seed;
    return map->buckets != NULL;
}

void map_clear(struct map *map) {
    mem_free(map->buckets);
    map->buckets = NULL;
}

static struct map_node **bucket_of(const struct map *map, uint64_t hash) {
    return &map->buckets[hash & (map->bucket_count - 1)];
}

uint64_t map_hash(const struct map *map, struct slice key) {
    return hash64(key.data, key.size, map->seed);
}

struct map_node *map_find(const struct map *map, struct slice key) {
    return map_find_hashed(map, key, map_hash(map, key));
}

struct map_node *map_find_hashed(const struct map *map, struct slice key, uint64_t hash) {
    struct map_node *node = *bucket_of(map, hash);
    while (node != NULL && !(node->hash == hash && slice_equal(node->key, key)))
        node = node->next;
    return node;
}

/* Without memory for more buckets the map stays as it is: slower, not broken. */
static void grow(struct map *map) {
    struct map_node **old = map->buckets;
    size_t old_count = map->bucket_count;
    struct map_node **buckets = mem_alloc_zeroed(old_count * 2, sizeof *buckets);
    if (buckets == NULL)
        return;
    map->buckets = buckets;
    map->bucket_count = old_count * 2;
    for (size_t i = 0; i < old_count; i++)
        for (struct map_node *node = old[i], *next; node != NULL; node = next) {
            next = node->next;
            struct map_node **bucket = bucket_of(map, node->hash);
            node->next = *bucket;
            *bucket = node;
        }
    mem_free(old);
}

void map_add(struct map *map, struct map_node *node) {
    if (map->count >= map->bucket_count)
        grow(map);
    node->hash = map_hash(map, node->key);
    struct map_node **bucket = bucket_of(map, node->hash);
    node->next = *bucket;
    *bucket = node;
    map->count++;
}

void map_remove(struct map *map, struct map_node *node) {
    struct map_node **place = bucket_of(map, node->hash);
    while (*place != node)
        place = &(*place)->next;
    *place = node->next;
    map->count--;
}
