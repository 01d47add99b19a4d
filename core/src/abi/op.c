/* op: beginning one.  Arguments are checked here and nowhere below. */
#include "abi/handle.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "runtime/link.h"
#include "runtime/passage.h"

#include <stdatomic.h>

enum { OWNER_MADE_SIZE = 1 + 2 * TEXT_HEX_SIZE };

static char no_memory;

rcache_op *no_memory_op(void) {
    return (rcache_op *)(void *)&no_memory;
}

rcache_op *failed_op(int32_t status, const char *message) {
    const uint32_t size = 0;
    struct op *op = op_new(OP_GET, slice_of(NULL, 0), "", &size, 1, slice_of(NULL, 0), sizeof(struct call));
    if (op == NULL)
        return no_memory_op();
    list_init(&call_of(op)->live);
    list_init(&call_of(op)->ready);
    slot_settle(&op->slots[0], RCACHE_FAILED, status, NULL, blob_copy(message, strlen(message)));
    return (rcache_op *)(void *)op;
}

/* What all kinds of op are begun with. */
struct beginning {
    rcache *cache;
    enum op_kind kind;
    const void *keys;
    const uint32_t *key_sizes;
    size_t count;
    struct slice owner;
    int64_t ttl_ms;
    int64_t lease_ms;
    bool at_once; /* by the function that also waits for it */
    const rcache_call *call;
};

static int32_t check_keys(const struct beginning *begin, rcache_error *err) {
    if (begin->cache == NULL)
        return error_set(err, RCACHE_E_INVALID, "cache is NULL: open one by rcache_open");
    if (cache_forked(begin->cache))
        return error_of_fork(err);
    if (begin->cache->closed)
        return error_set(err, RCACHE_E_CLOSED, "the cache was closed");
    if (begin->count > KEYS_MAX)
        return error_set(err, RCACHE_E_LIMIT, "%zu keys in one call, at most %d: split the batch", begin->count,
                         KEYS_MAX);
    if (begin->count > 0 && begin->key_sizes == NULL)
        return error_set(err, RCACHE_E_INVALID, "key_sizes is NULL: every key needs a size");
    for (size_t i = 0; i < begin->count; i++) {
        if (begin->key_sizes[i] > KEY_SIZE_MAX)
            return error_set(err, RCACHE_E_LIMIT, "key %zu has %u bytes, at most %d: hash long keys", i,
                             begin->key_sizes[i], KEY_SIZE_MAX);
        if (begin->key_sizes[i] > 0 && begin->keys == NULL)
            return error_set(err, RCACHE_E_INVALID, "keys is NULL, but key %zu has %u bytes", i, begin->key_sizes[i]);
    }
    return RCACHE_OK;
}

/* Servers take no end that is too far away. */
#define LIFE_MAX_MS (100LL * 8760 * 3600 * 1000)

static int32_t check_call(const struct beginning *begin, const rcache_call *call, rcache_error *err) {
    const uint32_t known = RCACHE_STRONG | RCACHE_EVENTUAL | RCACHE_INLINE | RCACHE_RAW | RCACHE_WAIT | RCACHE_APART |
                           RCACHE_INTENT;
    if ((call->flags & ~known) != 0)
        return error_set(err, RCACHE_E_INVALID, "rcache_call.flags has unknown bits 0x%x", call->flags & ~known);
    if ((call->flags & RCACHE_STRONG) && (call->flags & RCACHE_EVENTUAL))
        return error_set(err, RCACHE_E_INVALID, "RCACHE_STRONG and RCACHE_EVENTUAL exclude each other: pass one");
    if ((call->flags & RCACHE_INTENT) && begin->kind != OP_LOCK && begin->kind != OP_UPDATE)
        return error_set(err, RCACHE_E_INVALID, "RCACHE_INTENT goes with lock and update only: leave it out");
    if (call->deadline_ms < 0)
        return error_set(err, RCACHE_E_INVALID, "deadline_ms is %lld: it counts from now, 0 stands for the option",
                         (long long)call->deadline_ms);
    bool versioned = begin->kind == OP_INVALIDATE || (begin->kind == OP_SET && (call->flags & RCACHE_RAW) == 0);
    if (call->version != 0 && !versioned)
        return error_set(err, RCACHE_E_INVALID, "rcache_call.version goes with set and invalidate only: leave it 0");
    if (call->version > INT64_MAX)
        return error_set(err, RCACHE_E_INVALID, "rcache_call.version is above 9223372036854775807");
    if (call->session != NULL && begin->kind != OP_FETCH)
        return error_set(err, RCACHE_E_INVALID, "rcache_call.session goes with fetch only: leave it NULL");
    if (call->session != NULL && begin->cache->settings.replica_reads)
        return error_set(err, RCACHE_E_INVALID, "rcache_call.session and 'replica_reads' exclude each other: a replica "
                         "may lag behind what was written");
    if (call->session != NULL && !session_is_text(slice_of_text(call->session)))
        return error_of_token(err);
    bool needs_ttl = begin->kind == OP_FETCH || begin->kind == OP_SET;
    if (needs_ttl && (begin->ttl_ms <= 0 || begin->ttl_ms > LIFE_MAX_MS))
        return error_set(err, RCACHE_E_INVALID, "ttl_ms is %lld: a time to live is 1 ms at least, 100 years at most",
                         (long long)begin->ttl_ms);
    bool needs_owner = begin->kind == OP_LOCK || begin->kind == OP_RENEW || begin->kind == OP_UNLOCK;
    if (needs_owner && (begin->owner.size == 0 || begin->owner.data == NULL))
        return error_set(err, RCACHE_E_INVALID, "a lock needs an owner: pass a text that no other owner has");
    if (begin->owner.size > OWNER_MAX)
        return error_set(err, RCACHE_E_LIMIT, "the owner has %zu bytes, at most %d", begin->owner.size, OWNER_MAX);
    if (begin->lease_ms < 0 || begin->lease_ms > LIFE_MAX_MS)
        return error_set(err, RCACHE_E_INVALID, "lease_ms is %lld: a lease lasts 1 ms at least, 100 years at most",
                         (long long)begin->lease_ms);
    return RCACHE_OK;
}

rcache_call known_part(const rcache_call *call) {
    rcache_call known = { 0 };
    if (call == NULL)
        return known;
    if (call->struct_size >= sizeof known)
        return *call;
    memcpy(&known, call, call->struct_size);
    known.session = NULL; /* no half of a pointer */
    return known;
}

static bool is_strong(const struct op *op, struct rcache *cache, const rcache_call *call) {
    if (call->flags & (RCACHE_STRONG | RCACHE_EVENTUAL))
        return call->flags & RCACHE_STRONG;
    if (cache->settings.policy.strong_consistency)
        return true;
    bool written = is_in_session(cache, op) || is_in_token(call->session, op);
    if (written)
        cache->counters.session_strong++;
    return written;
}

static void apply_call(struct op *op, const struct beginning *begin, const rcache_call *call) {
    const struct policy *policy = &begin->cache->settings.policy;
    op->strong = is_strong(op, begin->cache, call);
    op->refresh_inline = (call->flags & RCACHE_INLINE) != 0;
    op->loads_apart = (call->flags & RCACHE_APART) != 0;
    op->raw = (call->flags & RCACHE_RAW) != 0;
    op->wait = (call->flags & RCACHE_WAIT) != 0;
    op->intent = (call->flags & RCACHE_INTENT) != 0;
    op->version = (int64_t)call->version;
    op->ttl_ms = begin->ttl_ms;
    doubt_note_life(&begin->cache->journal.doubt, begin->ttl_ms);
    int64_t lease_ms = begin->kind == OP_UPDATE ? policy->lock_expire_ms : policy->lock_expire_max_ms;
    op->lease_ms = begin->lease_ms > 0 ? begin->lease_ms : lease_ms;
    int64_t now_ms = clock_now_ms();
    call_of(op)->made_ms = begin->at_once ? now_ms : 0;
    op->deadline_given = call->deadline_ms > 0;
    int64_t wait_ms = op->deadline_given ? call->deadline_ms : policy->deadline_ms;
    int64_t deadline_ms = wait_ms < INT64_MAX - now_ms ? now_ms + wait_ms : INT64_MAX;
    atomic_store_explicit(&op->deadline_ms, deadline_ms, memory_order_relaxed); /* nobody else knows the op yet */
}

static void attach(struct op *op, struct rcache *cache) {
    struct call *call = call_of(op);
    struct slice key = op->count > 0 ? op->slots[0].request.key : slice_of("", 0);
    op->route = cache->memory == NULL ? (uint32_t)hash64(key.data, key.size, cache->seed) : 0;
    call->cache = cache;
    call->stripe = stripe_enter(cache);
    bool has_links = cache->memory == NULL && cache->stepper == NULL;
    call->link = has_links ? cache->links.all[passage_home(cache, key, op->route)] : NULL;
    call->group = call->link != NULL ? &call->link->group : &cache->idle;
    call->bit = 1u << ((uintptr_t)op / sizeof(struct slot) % 32);
    list_init(&call->parked);
    list_init(&call->live);
    list_init(&call->ready);
}

static rcache_op *begin_op(const struct beginning *begin) {
    rcache_error err = RCACHE_ERROR_INIT;
    rcache_call call = known_part(begin->call);
    if (check_keys(begin, &err) != RCACHE_OK || check_call(begin, &call, &err) != RCACHE_OK)
        return failed_op(err.status, err.message);
    const char *prefix = begin->cache->settings.prefix;
    struct op *op = op_new(begin->kind, slice_of_text(prefix), begin->keys, begin->key_sizes, begin->count,
                           begin->owner, sizeof(struct call));
    if (op == NULL)
        return no_memory_op();
    apply_call(op, begin, &call);
    attach(op, begin->cache);
    return (rcache_op *)(void *)op;
}

rcache_op *rcache_op_fetch(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count, int64_t ttl_ms,
                           const rcache_call *call) {
    return begin_op(&(struct beginning){ .cache = cache, .kind = OP_FETCH, .keys = keys, .key_sizes = key_sizes,
                                         .count = count, .ttl_ms = ttl_ms, .call = call });
}

rcache_op *fetch_at_once(rcache *cache, const void *key, uint32_t key_size, int64_t ttl_ms, const rcache_call *call) {
    return begin_op(&(struct beginning){ .cache = cache, .kind = OP_FETCH, .keys = key, .key_sizes = &key_size,
                                         .count = 1, .ttl_ms = ttl_ms, .at_once = true, .call = call });
}

static rcache_op *begin_plain(enum op_kind kind, rcache *cache, const void *keys, const uint32_t *key_sizes,
                              size_t count, const rcache_call *call) {
    return begin_op(&(struct beginning){ .cache = cache, .kind = kind, .keys = keys, .key_sizes = key_sizes,
                                         .count = count, .call = call });
}

rcache_op *rcache_op_get(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                         const rcache_call *call) {
    return begin_plain(OP_GET, cache, keys, key_sizes, count, call);
}

rcache_op *rcache_op_invalidate(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                                const rcache_call *call) {
    return begin_plain(OP_INVALIDATE, cache, keys, key_sizes, count, call);
}

rcache_op *rcache_op_delete(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                            const rcache_call *call) {
    return begin_plain(OP_DELETE, cache, keys, key_sizes, count, call);
}

rcache_op *rcache_op_inspect(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                             const rcache_call *call) {
    return begin_plain(OP_INSPECT, cache, keys, key_sizes, count, call);
}

rcache_op *rcache_op_lock(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count, const void *owner,
                          size_t owner_size, int64_t lease_ms, const rcache_call *call) {
    return begin_op(&(struct beginning){ .cache = cache, .kind = OP_LOCK, .keys = keys, .key_sizes = key_sizes,
                                         .count = count, .owner = slice_of(owner, owner_size), .lease_ms = lease_ms,
                                         .call = call });
}

rcache_op *rcache_op_renew(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count, const void *owner,
                           size_t owner_size, int64_t lease_ms, const rcache_call *call) {
    return begin_op(&(struct beginning){ .cache = cache, .kind = OP_RENEW, .keys = keys, .key_sizes = key_sizes,
                                         .count = count, .owner = slice_of(owner, owner_size), .lease_ms = lease_ms,
                                         .call = call });
}

rcache_op *rcache_op_unlock(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count, const void *owner,
                            size_t owner_size, const rcache_call *call) {
    return begin_op(&(struct beginning){ .cache = cache, .kind = OP_UNLOCK, .keys = keys, .key_sizes = key_sizes,
                                         .count = count, .owner = slice_of(owner, owner_size), .call = call });
}

/* One that nobody has had: its own part of the random numbers, and a count. */
static struct slice make_owner(rcache *cache, char text[OWNER_MADE_SIZE]) {
    text[0] = 'u';
    text_put_hex(text_put_hex(text + 1, cache->engine.identity), cache->updates++);
    return slice_of(text, OWNER_MADE_SIZE);
}

rcache_op *rcache_op_update(rcache *cache, const void *key, size_t key_size, const void *owner, size_t owner_size,
                            int64_t lease_ms, const rcache_call *call) {
    char made[OWNER_MADE_SIZE];
    uint32_t size = key_size < UINT32_MAX ? (uint32_t)key_size : UINT32_MAX;
    struct slice name = slice_of(owner, owner_size);
    if (owner_size == 0 && cache != NULL)
        name = make_owner(cache, made);
    return begin_op(&(struct beginning){ .cache = cache, .kind = OP_UPDATE, .keys = key, .key_sizes = &size,
                                         .count = 1, .owner = name, .lease_ms = lease_ms, .call = call });
}

/* Every slot gets its value, or the op fails as a whole. */
static rcache_op *give_values(rcache_op *handle, const char *values, const uint32_t *value_sizes) {
    struct op *op = op_of(handle);
    for (size_t i = 0; i < op->count; i++) {
        if (value_sizes[i] > VALUE_SIZE_MAX) {
            rcache_op_free(handle);
            return failed_op(RCACHE_E_LIMIT, "a value is larger than 512 MiB");
        }
        op->slots[i].request.value = blob_copy(values, value_sizes[i]);
        if (op->slots[i].request.value == NULL) {
            rcache_op_free(handle);
            return no_memory_op();
        }
        values = value_sizes[i] > 0 ? values + value_sizes[i] : values;
    }
    return handle;
}

rcache_op *rcache_op_set(rcache *cache, const void *keys, const uint32_t *key_sizes, const void *values,
                         const uint32_t *value_sizes, size_t count, int64_t ttl_ms, const rcache_call *call) {
    if (count > 0 && value_sizes == NULL)
        return failed_op(RCACHE_E_INVALID, "value_sizes is NULL: every value needs a size");
    for (size_t i = 0; i < count && values == NULL; i++)
        if (value_sizes[i] > 0)
            return failed_op(RCACHE_E_INVALID, "values is NULL, but the sizes are not all 0");
    rcache_op *op = begin_op(&(struct beginning){ .cache = cache, .kind = OP_SET, .keys = keys, .key_sizes = key_sizes,
                                                  .count = count, .ttl_ms = ttl_ms, .call = call });
    bool begun = op != no_memory_op() && call_of(op_of(op))->cache != NULL;
    return begun ? give_values(op, values, value_sizes) : op;
}

void rcache_op_cancel(rcache_op *op) {
    if (op != NULL && op != no_memory_op() && call_of(op_of(op))->cache != NULL)
        call_cancel(op_of(op));
}

void rcache_op_free(rcache_op *handle) {
    if (handle == NULL || handle == no_memory_op())
        return;
    struct op *op = op_of(handle);
    struct rcache *cache = call_of(op)->cache;
    if (cache != NULL && cache_forked(cache))
        return; /* what it shares with threads of the parent can't be told apart here */
    if (cache != NULL) {
        call_abandon(op);
        stripe_leave(cache, call_of(op)->stripe);
    }
    op_drop(op);
}
