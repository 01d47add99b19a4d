#include "backend/memory/store.h"

#include "base/alloc.h"

enum {
    SWEEP_BUCKETS = 4, /* a write looks at more than it can add, so the sweep outruns the writers */
    EVICT_LOOKS = 16   /* bounds the time under the lock */
};

static struct entry *entry_of(struct map_node *node) {
    return list_entry(node, struct entry, node);
}

static uint64_t blob_bytes(const struct blob *blob) {
    return blob != NULL ? sizeof *blob + blob->size + 1 : 0;
}

/* The map has at most two buckets per entry, but for the first few. */
static uint64_t bare_bytes(struct slice key) {
    return sizeof(struct entry) + 2 * sizeof(struct map_node *) + key.size;
}

static void count_bytes(struct store *store, uint64_t more, uint64_t less) {
    atomic_fetch_add_explicit(store->bytes, more - less, memory_order_relaxed);
}

bool store_init(struct store *store, uint64_t seed, _Atomic uint64_t *bytes, uint64_t bytes_max) {
    *store = (struct store){ .empty = blob_new(0), .bytes = bytes, .bytes_max = bytes_max };
    list_init(&store->order);
    if (store->empty != NULL && map_init(&store->map, seed))
        return true;
    blob_drop(store->empty);
    return false;
}

void store_clear(struct store *store) {
    while (!list_empty(&store->order))
        store_remove(store, list_entry(store->order.next, struct entry, order));
    map_clear(&store->map);
    blob_drop(store->empty);
}

/* Written only where it changes something: others on other cores read what lies beside it. */
static struct entry *note_use(struct entry *entry) {
    if (!atomic_load_explicit(&entry->used, memory_order_relaxed))
        atomic_store_explicit(&entry->used, true, memory_order_relaxed);
    return entry;
}

struct entry *store_find(struct store *store, struct slice key, int64_t now_ms) {
    return store_find_hashed(store, key, map_hash(&store->map, key), now_ms);
}

struct entry *store_find_hashed(struct store *store, struct slice key, uint64_t hash, int64_t now_ms) {
    struct map_node *node = map_find_hashed(&store->map, key, hash);
    if (node == NULL)
        return NULL;
    if (entry_expired(entry_of(node), now_ms)) {
        store_remove(store, entry_of(node));
        return NULL;
    }
    return note_use(entry_of(node));
}

struct entry *store_read(struct store *store, struct slice key, uint64_t hash, int64_t now_ms) {
    struct map_node *node = map_find_hashed(&store->map, key, hash);
    return node != NULL && !entry_expired(entry_of(node), now_ms) ? note_use(entry_of(node)) : NULL;
}

struct entry *store_add(struct store *store, struct slice key) {
    if (key.size > SIZE_MAX - sizeof(struct entry))
        return NULL;
    struct entry *entry = mem_alloc(sizeof *entry + key.size);
    if (entry == NULL)
        return NULL;
    *entry = (struct entry){ .expires_ms = TIME_NEVER, .fresh_until_ms = TIME_NEVER, .serve_until_ms = TIME_NEVER };
    if (key.size > 0)
        memcpy(entry->key, key.data, key.size);
    entry->node.key = slice_of(entry->key, key.size);
    map_add(&store->map, &entry->node);
    list_append(&store->order, &entry->order);
    count_bytes(store, bare_bytes(key), 0);
    return entry;
}

void store_remove(struct store *store, struct entry *entry) {
    store_set_value(store, entry, NULL);
    store_set_owner(store, entry, NULL);
    count_bytes(store, 0, bare_bytes(entry->node.key));
    map_remove(&store->map, &entry->node);
    list_remove(&entry->order);
    mem_free(entry);
}

static void replace(struct store *store, struct blob **place, struct blob *blob) {
    count_bytes(store, blob_bytes(blob), blob_bytes(*place));
    blob_drop(*place);
    *place = blob;
}

void store_set_value(struct store *store, struct entry *entry, struct blob *value) {
    replace(store, &entry->value, value);
}

void store_set_owner(struct store *store, struct entry *entry, struct blob *owner) {
    replace(store, &entry->owner, owner);
}

bool store_fits(const struct store *store, struct slice key, const struct blob *value) {
    return store->bytes_max == 0 || bare_bytes(key) + blob_bytes(value) <= store->bytes_max;
}

void store_sweep(struct store *store, int64_t now_ms) {
    for (int i = 0; i < SWEEP_BUCKETS; i++) {
        store->swept = (store->swept + 1) & (store->map.bucket_count - 1);
        for (struct map_node *node = store->map.buckets[store->swept], *next; node != NULL; node = next) {
            next = node->next;
            if (entry_expired(entry_of(node), now_ms))
                store_remove(store, entry_of(node));
        }
    }
}

bool store_evict(struct store *store, struct slice spared, bool used_too) {
    for (int i = 0; i < EVICT_LOOKS && !list_empty(&store->order); i++) {
        struct entry *entry = list_entry(store->order.next, struct entry, order);
        if ((used_too || !entry->used) && !slice_equal(entry->node.key, spared)) {
            store_remove(store, entry);
            return true;
        }
        entry->used = false;
        list_remove(&entry->order);
        list_append(&store->order, &entry->order);
    }
    return false;
}
