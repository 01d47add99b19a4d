/* The memory backend, with a clock of ours. */
#include "backend/memory/store.h"
#include "backend/memory/verbs.h"
#include "model/target.h"

#include <stdlib.h>

struct own {
    struct store store;
    _Atomic uint64_t bytes;
    int64_t now_ms;
};

static bool execute(struct target *target, struct request *request, int8_t history) {
    struct own *own = target->own;
    (void)history;
    verbs_execute(&own->store, request, map_hash(&own->store.map, request->key), own->now_ms);
    return true;
}

static int8_t lease_of(const struct entry *entry, int64_t now_ms) {
    switch (entry->lease) {
    case LEASE_NONE: return UNLEASED;
    case LEASE_VOID: return VOID;
    case LEASE_UNTIL: return entry->lease_until_ms > now_ms ? LEASED : ENDED;
    case LEASE_LOCKED: return LOCKED;
    }
    return UNLEASED;
}

static bool read(struct target *target, struct cell *cell) {
    struct own *own = target->own;
    const struct entry *entry = store_find(&own->store, target_key(), own->now_ms);
    *cell = NO_CELL;
    if (entry == NULL)
        return true;
    cell->value = target_value(blob_slice(entry->value));
    cell->lease = lease_of(entry, own->now_ms);
    cell->owner = target_token(blob_slice(entry->owner));
    if (entry->value != NULL && entry->serve_until_ms != TIME_NEVER)
        cell->mark = entry->serve_until_ms > own->now_ms ? RUNNING : OVER;
    return entry->expires_ms != TIME_NEVER; /* every key ends */
}

static void wait(struct target *target, int64_t ms) {
    ((struct own *)target->own)->now_ms += ms;
}

static void close_memory(struct target *target) {
    struct own *own = target->own;
    store_clear(&own->store);
    free(own);
}

bool target_open_memory(struct target *target) {
    struct own *own = calloc(1, sizeof *own);
    if (own == NULL)
        return false;
    own->now_ms = 1000;
    if (!store_init(&own->store, 1, &own->bytes, 0)) {
        free(own);
        return false;
    }
    *target = (struct target){ "memory", false, execute, read, wait, close_memory, own };
    return true;
}
