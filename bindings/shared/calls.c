/* calls: see calls.h.  The caller includes this file in the one that its tool has written. */
#include "resilicache.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"

struct handle {
    pthread_rwlock_t lock; /* held to read while a call begins, to write while the cache is closed */
    rcache *cache;         /* NULL: closed */
};

handle *handle_open(const char *url, const rcache_options *options, rcache_error *err) {
    handle *opened = malloc(sizeof *opened);
    if (opened == NULL) {
        *err = (rcache_error){ RCACHE_E_NOMEM, "no memory for a cache" };
        return NULL;
    }
    if (rcache_open(url, options, &opened->cache, err) != RCACHE_OK) {
        free(opened);
        return NULL;
    }
    pthread_rwlock_init(&opened->lock, NULL);
    return opened;
}

void handle_close_forked(handle *handle) {
    rcache_close(handle->cache);
    handle->cache = NULL;
}

void handle_close(handle *handle) {
    pthread_rwlock_wrlock(&handle->lock);
    handle_close_forked(handle);
    pthread_rwlock_unlock(&handle->lock);
}

void handle_free(handle *handle) {
    rcache_close(handle->cache);
    free(handle);
}

static int32_t tell(handle *handle, int32_t (*function)(rcache *, const char *, const char *, rcache_error *),
                    const char *first, const char *second, rcache_error *err) {
    *err = (rcache_error){ RCACHE_E_CLOSED, "the cache was closed" };
    pthread_rwlock_rdlock(&handle->lock);
    int32_t status = handle->cache != NULL ? function(handle->cache, first, second, err) : RCACHE_E_CLOSED;
    pthread_rwlock_unlock(&handle->lock);
    return status;
}

int32_t handle_credentials(handle *handle, const char *user, const char *password, rcache_error *err) {
    return tell(handle, rcache_credentials, user, password, err);
}

int32_t handle_set_option(handle *handle, const char *name, const char *value, rcache_error *err) {
    return tell(handle, rcache_set_option, name, value, err);
}

char *handle_session_token(handle *handle, rcache_error *err) {
    *err = (rcache_error){ RCACHE_E_CLOSED, "the cache was closed" };
    char *token = calloc(RCACHE_SESSION_SIZE, 1);
    pthread_rwlock_rdlock(&handle->lock);
    bool told = token != NULL && handle->cache != NULL &&
                rcache_session_token(handle->cache, token, err) == RCACHE_OK;
    pthread_rwlock_unlock(&handle->lock);
    if (told)
        return token;
    free(token);
    return NULL;
}

int32_t handle_session_join(handle *handle, const char *token, rcache_error *err) {
    *err = (rcache_error){ RCACHE_E_CLOSED, "the cache was closed" };
    pthread_rwlock_rdlock(&handle->lock);
    int32_t status = handle->cache != NULL ? rcache_session_join(handle->cache, token, err) : RCACHE_E_CLOSED;
    pthread_rwlock_unlock(&handle->lock);
    return status;
}

char *handle_stats(handle *handle) {
    pthread_rwlock_rdlock(&handle->lock);
    /* Numbers grow meanwhile, but not by as many digits. */
    size_t capacity = handle->cache != NULL ? rcache_stats(handle->cache, NULL, 0) + 256 : 1;
    char *text = calloc(capacity, 1);
    if (text != NULL && handle->cache != NULL)
        rcache_stats(handle->cache, text, capacity);
    pthread_rwlock_unlock(&handle->lock);
    return text;
}

void text_free(char *text) {
    free(text);
}

void step_clear(step *step) {
    rcache_op_free(step->op);
    rcache_result_free(step->event.result);
    if (step->event.load != NULL)
        rcache_load_finish(step->event.load);
    step->op = NULL;
    step->event = (rcache_event){ 0 };
}

int32_t step_wait(step *step, int64_t timeout_ms) {
    int32_t kind = rcache_op_wait(step->op, timeout_ms, &step->event);
    if (kind == RCACHE_EVENT_DONE)
        step->op = NULL;
    return kind;
}

static rcache_load *take_load(rcache_event *event) {
    rcache_load *load = event->load;
    event->load = NULL;
    return load;
}

static rcache_result *take_result(rcache_event *event) {
    rcache_result *result = event->result;
    event->result = NULL;
    return result;
}

rcache_load *step_take_load(step *step) {
    return take_load(&step->event);
}

rcache_result *step_take_result(step *step) {
    return take_result(&step->event);
}

static uint32_t at_most_uint32(size_t size) {
    return size < UINT32_MAX ? (uint32_t)size : UINT32_MAX; /* is refused as too large */
}

static bool add_up(size_t whole, const uint32_t *sizes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (sizes[i] > whole)
            return false;
        whole -= sizes[i];
    }
    return whole == 0;
}

/* NULL: none is given.  What can't be one is made "", which isn't either, so that it is refused. */
static const char *session_in(int32_t call, const char *text, size_t text_size) {
    if (call != CALL_FETCH || text_size == 0)
        return NULL;
    return memchr(text, '\0', text_size) == text + text_size - 1 ? text : "";
}

static rcache_op *begin(rcache *cache, int32_t call, const char *keys, const uint32_t *key_sizes, size_t count,
                        const char *text, size_t text_size, int64_t time_ms, const rcache_call *how) {
    uint32_t value_size = at_most_uint32(text_size);
    switch (call) {
    case CALL_FETCH: return rcache_op_fetch(cache, keys, key_sizes, count, time_ms, how);
    case CALL_GET: return rcache_op_get(cache, keys, key_sizes, count, how);
    case CALL_SET: return rcache_op_set(cache, keys, key_sizes, text, &value_size, count, time_ms, how);
    case CALL_INVALIDATE: return rcache_op_invalidate(cache, keys, key_sizes, count, how);
    case CALL_DELETE: return rcache_op_delete(cache, keys, key_sizes, count, how);
    case CALL_LOCK: return rcache_op_lock(cache, keys, key_sizes, count, text, text_size, time_ms, how);
    case CALL_RENEW: return rcache_op_renew(cache, keys, key_sizes, count, text, text_size, time_ms, how);
    case CALL_UNLOCK: return rcache_op_unlock(cache, keys, key_sizes, count, text, text_size, how);
    case CALL_UPDATE:
        return rcache_op_update(cache, keys, key_sizes[0], text, text_size, time_ms, how);
    case CALL_INSPECT: return rcache_op_inspect(cache, keys, key_sizes, count, how);
    }
    return NULL;
}

/* False: the cache is closed. */
static bool begin_open(rcache_op **op, handle *handle, int32_t call, const char *keys, const uint32_t *key_sizes,
                       size_t count, const char *text, size_t text_size, int64_t time_ms, const rcache_call *how) {
    pthread_rwlock_rdlock(&handle->lock);
    bool open = handle->cache != NULL;
    if (open)
        *op = begin(handle->cache, call, keys, key_sizes, count, text, text_size, time_ms, how);
    pthread_rwlock_unlock(&handle->lock);
    return open;
}

int64_t step_one(step *step, handle *handle, int32_t call, const char *key, size_t key_size, const char *text,
                 size_t text_size, int64_t time_ms, uint32_t flags, int64_t deadline_ms,
                 uint64_t version) {
    rcache_call how = { .struct_size = sizeof how, .flags = flags, .deadline_ms = deadline_ms, .version = version,
                        .session = session_in(call, text, text_size) };
    uint32_t size_of_key = at_most_uint32(key_size);
    if (!begin_open(&step->op, handle, call, key, &size_of_key, 1, text, text_size, time_ms, &how))
        return STEP_CLOSED;
    rcache_value *value = &step->event.value;
    if (step_wait(step, -1) != RCACHE_EVENT_DONE || step->event.load != NULL || value->outcome == RCACHE_FAILED ||
        value->size > sizeof step->copy)
        return STEP_EVENT;
    /* What most calls are: a small value or none, nothing more to do. */
    int64_t size = value->outcome == RCACHE_ABSENT ? STEP_ABSENT : (int64_t)value->size;
    if (value->size > 0)
        memcpy(step->copy, value->data, value->size);
    step_clear(step);
    return size;
}

int64_t step_many(step *step, handle *handle, int32_t call, const char *keys, size_t keys_size,
                  const uint32_t *key_sizes, size_t count, const char *text, size_t text_size, int64_t time_ms,
                  uint32_t flags, int64_t deadline_ms, uint64_t version) {
    if (!add_up(keys_size, key_sizes, count))
        return STEP_INVALID;
    rcache_call how = { .struct_size = sizeof how, .flags = flags, .deadline_ms = deadline_ms, .version = version,
                        .session = session_in(call, text, text_size) };
    if (!begin_open(&step->op, handle, call, keys, key_sizes, count, text, text_size, time_ms, &how))
        return STEP_CLOSED;
    step_wait(step, -1);
    return STEP_EVENT;
}

void load_positions(const rcache_load *load, uint64_t *positions) {
    for (size_t i = 0; i < rcache_load_count(load); i++)
        positions[i] = rcache_load_position(load, i);
}

static int32_t answer(rcache_load *load, size_t index, const char *value, int32_t size) {
    if (size == ANSWER_ABSENT)
        return rcache_load_absent(load, index);
    if (size == ANSWER_NONE)
        return rcache_load_fail(load, index, "the loader returned nothing for this key");
    return rcache_load_value(load, index, value, (size_t)size, 0);
}

int32_t load_answer(rcache_load *load, const char *values, size_t values_size, const int32_t *sizes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t size = sizes[i] > 0 ? (size_t)sizes[i] : 0;
        int32_t status = size > values_size ? RCACHE_E_INVALID : answer(load, i, values, sizes[i]);
        if (status != RCACHE_OK)
            return status;
        values += size;
        values_size -= size;
    }
    return RCACHE_OK;
}

void load_fail(rcache_load *load, const char *message, int32_t permanent) {
    for (size_t i = 0; i < rcache_load_count(load); i++)
        if (permanent)
            rcache_load_fail_permanent(load, i, message);
        else
            rcache_load_fail(load, i, message);
}

rcache_queue *queue_open(handle *handle, rcache_error *err) {
    *err = (rcache_error){ RCACHE_E_CLOSED, "the cache was closed" };
    rcache_queue *queue = NULL;
    pthread_rwlock_rdlock(&handle->lock);
    if (handle->cache != NULL)
        rcache_queue_new(handle->cache, &queue, err);
    pthread_rwlock_unlock(&handle->lock);
    return queue;
}

rcache_op *queue_gather(rcache_queue *queue, gathered *gathered, uint64_t tag, handle *handle, int32_t call,
                        const char *keys, size_t keys_size, const uint32_t *key_sizes, size_t count, const char *text,
                        size_t text_size, int64_t time_ms, uint32_t flags, int64_t deadline_ms, uint64_t version) {
    rcache_call how = { .struct_size = sizeof how, .flags = flags, .deadline_ms = deadline_ms, .version = version,
                        .session = session_in(call, text, text_size) };
    rcache_op *op = NULL;
    if (!add_up(keys_size, key_sizes, count) ||
        !begin_open(&op, handle, call, keys, key_sizes, count, text, text_size, time_ms, &how))
        return NULL;
    if (gathered->count == GATHERED_MAX)
        queue_submit(queue, gathered);
    gathered->ops[gathered->count] = op;
    gathered->tags[gathered->count++] = tag;
    return op;
}

void queue_submit(rcache_queue *queue, gathered *gathered) {
    rcache_queue_submit_all(queue, gathered->ops, gathered->tags, gathered->count);
    gathered->count = 0;
}

void gathered_clear(gathered *gathered) {
    while (gathered->count > 0)
        rcache_op_free(gathered->ops[--gathered->count]);
}

rcache_load *drained_take_load(drained *drained, size_t index) {
    return index < DRAINED_MAX ? take_load(&drained->events[index]) : NULL;
}

rcache_result *drained_take_result(drained *drained, size_t index) {
    return index < DRAINED_MAX ? take_result(&drained->events[index]) : NULL;
}

void drained_clear(drained *drained) {
    for (size_t i = 0; i < DRAINED_MAX; i++) {
        rcache_event *event = &drained->events[i];
        rcache_result_free(event->result);
        if (event->load != NULL)
            rcache_load_finish(event->load);
        event->result = NULL;
        event->load = NULL;
    }
}

size_t queue_drain(rcache_queue *queue, drained *drained) {
    drained_clear(drained);
    size_t count = rcache_queue_drain(queue, drained->events, DRAINED_MAX);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        rcache_event *event = &drained->events[i];
        const rcache_value *value = &event->value;
        if (event->kind != RCACHE_EVENT_DONE || value->outcome == RCACHE_FAILED ||
            value->size > sizeof drained->copy - used || rcache_result_values(event->result, NULL, 0) != 1)
            continue;
        if (value->size > 0)
            memcpy(drained->copy + used, value->data, value->size);
        used += value->size;
        rcache_result_free(event->result);
        event->result = NULL;
    }
    return count;
}
