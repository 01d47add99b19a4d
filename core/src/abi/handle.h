/* handle: what the opaque types of resilicache.h are.  An op and its result are the same struct: once an op is DONE,
 * its settled slots are the result. */
#ifndef RESILICACHE_ABI_HANDLE_H
#define RESILICACHE_ABI_HANDLE_H

#include "engine/load.h"
#include "resilicache.h"
#include "runtime/cache.h"
#include "runtime/call.h"

enum { KEY_SIZE_MAX = 1024 * 1024, VALUE_SIZE_MAX = 512 * 1024 * 1024, KEYS_MAX = 1000 * 1000 };

static inline struct op *op_of(rcache_op *handle) {
    return (struct op *)(void *)handle;
}

static inline const struct op *op_of_result(const rcache_result *handle) {
    return (const struct op *)(const void *)handle;
}

static inline struct load *load_of(rcache_load *handle) {
    return (struct load *)(void *)handle;
}

static inline const struct load *load_of_const(const rcache_load *handle) {
    return (const struct load *)(const void *)handle;
}

/* RCACHE_E_FORKED, in words. */
int32_t error_of_fork(rcache_error *err);

/* RCACHE_E_INVALID, in words: what was passed is no token of a session. */
int32_t error_of_token(rcache_error *err);

/* Stands for an op, and its result, that failed for want of memory: there was none for one of its own. */
rcache_op *no_memory_op(void);

/* What the caller has told, and zero for what he doesn't know of; NULL: all of it. */
rcache_call known_part(const rcache_call *call);
/* rcache_op_fetch of one key, for who goes on to wait for it without doing anything before. */
rcache_op *fetch_at_once(rcache *cache, const void *key, uint32_t key_size, int64_t ttl_ms, const rcache_call *call);
/* An op that could not be begun: its first event is DONE. */
rcache_op *failed_op(int32_t status, const char *message);
/* What happened to the op, for its caller.  After DONE the op's share of the cache is given back. */
int32_t event_of(rcache_op *op, enum call_event happened, struct load *load, rcache_event *event);
/* Ops become the queue's, and what comes of those that did. */
void submit_to_queue(struct queue *queue, rcache_op *const *ops, const uint64_t *tags, size_t count);
size_t drain_queue(struct queue *queue, rcache_event *events, size_t capacity);
/* Whether the op is to see what was written before, and takes what it has written into account. */
bool is_in_session(struct rcache *cache, const struct op *op);
bool is_in_token(const char *token, const struct op *op);
void note_in_session(struct rcache *cache, const struct op *op);
/* An op's handle becomes its result's. */
rcache_result *result_of(rcache_op *op);

#endif
