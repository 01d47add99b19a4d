/* store: a table of entries with their expiry, their order of eviction and a count of their bytes.  One shard of the
 * memory backend; whoever calls holds the shard's lock, and whoever changes it holds it alone. */
#ifndef RESILICACHE_BACKEND_MEMORY_STORE_H
#define RESILICACHE_BACKEND_MEMORY_STORE_H

#include "base/blob.h"
#include "base/list.h"
#include "base/map.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TIME_NEVER INT64_MAX

enum lease {
    LEASE_NONE,  /* with a value: fresh */
    LEASE_VOID,  /* invalidated, or given back after a failed load */
    LEASE_UNTIL, /* ends at lease_until_ms; without an owner: a back-off */
    LEASE_LOCKED /* a writer's; ends with the entry */
};

struct entry {
    struct map_node node;
    struct link_node order; /* in store->order */
    struct blob *value;     /* NULL: none */
    struct blob *owner;     /* NULL: none; where there is one, there is a lease */
    int64_t expires_ms;
    int64_t lease_until_ms;
    int64_t fresh_until_ms; /* its time; TIME_NEVER: as long as it lives */
    int64_t refresh_until_ms; /* nobody else is to refresh it; means something while it is fresh */
    int64_t load_ms;          /* how long it took to load; 0: not told */
    int64_t serve_until_ms; /* the value was found unfresh: how long it may be served; TIME_NEVER: it was not */
    int64_t version; /* the newest that is known; 0: none is */
    int64_t settle_until_ms; /* until then a load may read what was before the last invalidation; 0: it may not */
    enum lease lease;
    uint32_t failures; /* loads in vain since the last that brought something */
    bool absent;
    _Atomic bool used; /* since eviction last looked at it; readers set it, too */
    char key[];
};

struct store {
    struct map map;
    struct link_node order;  /* next to be looked at by eviction first */
    struct blob *empty;      /* the value of all that have an empty one, so that these need no memory */
    _Atomic uint64_t *bytes; /* of all stores together */
    uint64_t bytes_max;      /* of all stores together; 0: unbounded */
    size_t swept;            /* the bucket that the sweep looks at next */
    int64_t fence;           /* of the last lock for update of any key */
    int64_t day_us;          /* the clock of the day less that of the callers: fences go on from process to process */
};

/* False for want of memory; then there is nothing to clear. */
bool store_init(struct store *store, uint64_t seed, _Atomic uint64_t *bytes, uint64_t bytes_max);
void store_clear(struct store *store);

/* NULL where there is none; one that has expired is removed. */
struct entry *store_find(struct store *store, struct slice key, int64_t now_ms);
/* The same with the key's hash in the map, */
struct entry *store_find_hashed(struct store *store, struct slice key, uint64_t hash, int64_t now_ms);
/* and for readers, who remove nothing. */
struct entry *store_read(struct store *store, struct slice key, uint64_t hash, int64_t now_ms);
/* `key` is not in the store.  Without value and lease, expiring never; NULL for want of memory. */
struct entry *store_add(struct store *store, struct slice key);
void store_remove(struct store *store, struct entry *entry);
/* The blob changes hands and replaces the old one; NULL: none. */
void store_set_value(struct store *store, struct entry *entry, struct blob *value);
void store_set_owner(struct store *store, struct entry *entry, struct blob *owner);

/* Whether an entry with these would be within bytes_max if it were the only one. */
bool store_fits(const struct store *store, struct slice key, const struct blob *value);
/* Removes what has expired in the next few buckets: as writes go on, everything expired is found. */
void store_sweep(struct store *store, int64_t now_ms);
/* Looks at the next few entries and removes one: the first that has not been used since it was last looked at, or,
 * if `used_too`, simply the first.  Never the key `spared`.  False where it found none. */
bool store_evict(struct store *store, struct slice spared, bool used_too);

static inline bool entry_expired(const struct entry *entry, int64_t now_ms) {
    return entry->expires_ms <= now_ms;
}

#endif
