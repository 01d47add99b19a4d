/* bridge: what Go would need several crossings for, in one.  Nothing here calls back or keeps a pointer. */
#ifndef RESILICACHE_GO_BRIDGE_H
#define RESILICACHE_GO_BRIDGE_H

#include <fcntl.h>
#include <resilicache.h>
#include <string.h>

enum bridge_verb {
    BRIDGE_FETCH,
    BRIDGE_GET,
    BRIDGE_SET,
    BRIDGE_INVALIDATE,
    BRIDGE_DELETE,
    BRIDGE_LOCK,
    BRIDGE_RENEW,
    BRIDGE_UNLOCK,
    BRIDGE_INSPECT,
    BRIDGE_UPDATE
};

/* An op in numbers; what is bytes travels beside it, as arguments, which cgo keeps in place during the call. */
struct bridge_terms {
    int64_t ttl_ms; /* or the lease of a lock */
    int64_t deadline_ms;
    uint64_t tag;
    uint64_t version;
    size_t count;      /* of keys */
    size_t extra_size; /* `extra` is the value to set, the owner of a lock, a fetch's token of a session with its NUL */
    uint32_t key_size; /* of the only key, where there are no others */
    uint32_t flags;
    uint32_t verb; /* an enum bridge_verb */
};

/* A size that no value may have stands for all that do not fit: the op then fails, without a look at the bytes. */
static inline uint32_t bridge_size(size_t size) {
    return size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
}

/* NULL: none is given.  What can't be one is made "", which isn't either, so that it is refused. */
static inline const char *bridge_session(const char *extra, const struct bridge_terms *terms) {
    if (terms->verb != BRIDGE_FETCH || terms->extra_size == 0)
        return NULL;
    return memchr(extra, '\0', terms->extra_size) == extra + terms->extra_size - 1 ? extra : "";
}

static inline rcache_op *bridge_begin(rcache *cache, const char *keys, const uint32_t *key_sizes, const char *extra,
                                      const struct bridge_terms *terms) {
    if (key_sizes == NULL)
        key_sizes = &terms->key_size;
    rcache_call call = { .struct_size = sizeof call, .flags = terms->flags, .deadline_ms = terms->deadline_ms,
                         .version = terms->version, .session = bridge_session(extra, terms) };
    size_t count = terms->count, extra_size = terms->extra_size;
    uint32_t value_size = bridge_size(extra_size);
    switch ((enum bridge_verb)terms->verb) {
    case BRIDGE_FETCH:
        return rcache_op_fetch(cache, keys, key_sizes, count, terms->ttl_ms, &call);
    case BRIDGE_GET:
        return rcache_op_get(cache, keys, key_sizes, count, &call);
    case BRIDGE_SET:
        return rcache_op_set(cache, keys, key_sizes, extra, &value_size, count, terms->ttl_ms, &call);
    case BRIDGE_INVALIDATE:
        return rcache_op_invalidate(cache, keys, key_sizes, count, &call);
    case BRIDGE_DELETE:
        return rcache_op_delete(cache, keys, key_sizes, count, &call);
    case BRIDGE_LOCK:
        return rcache_op_lock(cache, keys, key_sizes, count, extra, extra_size, terms->ttl_ms, &call);
    case BRIDGE_RENEW:
        return rcache_op_renew(cache, keys, key_sizes, count, extra, extra_size, terms->ttl_ms, &call);
    case BRIDGE_UNLOCK:
        return rcache_op_unlock(cache, keys, key_sizes, count, extra, extra_size, &call);
    case BRIDGE_INSPECT:
        return rcache_op_inspect(cache, keys, key_sizes, count, &call);
    case BRIDGE_UPDATE:
        return rcache_op_update(cache, keys, key_sizes[0], extra, extra_size, terms->ttl_ms, &call);
    }
    return 0;
}

/* The op, for rcache_op_cancel until its DONE is drained. */
static inline rcache_op *bridge_submit(rcache *cache, rcache_queue *queue, const char *keys, const uint32_t *key_sizes,
                                       const char *extra, struct bridge_terms terms) {
    rcache_op *op = bridge_begin(cache, keys, key_sizes, extra, &terms);
    rcache_queue_submit(queue, op, terms.tag);
    return op;
}

enum { BRIDGE_CALLS_MAX = 64 };

/* The same for up to BRIDGE_CALLS_MAX ops, which go out together.  All bytes lie one behind the other, those of keys
 * before the extra of an op; `ops` is filled in. */
static inline void bridge_submit_all(rcache *cache, rcache_queue *queue, const char *bytes, const uint32_t *key_sizes,
                                     const struct bridge_terms *terms, size_t count, rcache_op **ops) {
    uint64_t tags[BRIDGE_CALLS_MAX];
    for (size_t i = 0; i < count; i++) {
        size_t size = 0;
        for (size_t k = 0; k < terms[i].count; k++)
            size += key_sizes[k];
        ops[i] = bridge_begin(cache, bytes, key_sizes, bytes + size, &terms[i]);
        tags[i] = terms[i].tag;
        bytes += size + terms[i].extra_size;
        key_sizes += terms[i].count;
    }
    rcache_queue_submit_all(queue, ops, tags, count);
}

static inline void bridge_free_results(rcache_result *const *results, size_t count) {
    for (size_t i = 0; i < count; i++)
        rcache_result_free(results[i]);
}

/* As rcache_op_wait on the op that it begins; the op, as long as there is one. */
static inline rcache_op *bridge_wait(rcache *cache, const char *keys, const uint32_t *key_sizes, const char *extra,
                                     struct bridge_terms terms, int64_t timeout_ms, rcache_event *event) {
    terms.flags |= terms.verb == BRIDGE_FETCH ? RCACHE_APART : 0;
    rcache_op *op = bridge_begin(cache, keys, key_sizes, extra, &terms);
    return rcache_op_wait(op, timeout_ms, event) == RCACHE_EVENT_DONE ? NULL : op;
}

/* With a type that cgo knows to hold no pointers: of a void * it would look at all that lies around the value. */
static inline int32_t bridge_load_value(rcache_load *load, size_t index, const char *data, size_t size) {
    return rcache_load_value(load, index, data, size, 0);
}

/* A descriptor of one's own for the queue's, to be watched and closed by who asked; negative: there is none. */
static inline int bridge_descriptor(const rcache_queue *queue) {
    return fcntl(rcache_queue_fd(queue), F_DUPFD_CLOEXEC, 0);
}

#endif
