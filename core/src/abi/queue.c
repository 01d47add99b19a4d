/* queue: the driver for event loops. */
#include "abi/handle.h"

#include "base/error.h"
#include "runtime/queue.h"

static struct queue *queue_of(rcache_queue *handle) {
    return (struct queue *)(void *)handle;
}

int32_t rcache_queue_new(rcache *cache, rcache_queue **queue, rcache_error *err) {
    if (queue == NULL || cache == NULL)
        return error_set(err, RCACHE_E_INVALID, "rcache_queue_new: %s is NULL", queue == NULL ? "`queue`" : "`cache`");
    *queue = NULL;
    if (cache_forked(cache))
        return error_of_fork(err);
    if (cache->stepper != NULL)
        return error_set(err, RCACHE_E_MISUSE, "the cache has a stepper, and its ops go there: open another cache");
    struct queue *made = queue_new(cache, QUEUE_WITH_DESCRIPTOR);
    if (made == NULL)
        return error_set(err, RCACHE_E_NOMEM, "no memory or no descriptor for a queue");
    cache_hold(cache);
    *queue = (rcache_queue *)(void *)made;
    return RCACHE_OK;
}

int rcache_queue_fd(const rcache_queue *queue) {
    return ((const struct queue *)(const void *)queue)->notice.read_fd;
}

void submit_to_queue(struct queue *queue, rcache_op *const *ops, const uint64_t *tags, size_t count) {
    struct link_node requests;
    list_init(&requests);
    if (cache_forked(queue->cache)) { /* its lock and its descriptor are the parent's, too */
        for (size_t i = 0; i < count; i++)
            rcache_op_free(ops[i]);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (ops[i] == no_memory_op())
            queue_starve(queue, tags[i]);
        else
            queue_begin(queue, op_of(ops[i]), tags[i], &requests);
    cache_send(queue->cache, &requests, NULL);
    for (size_t i = 0; i < count; i++)
        if (ops[i] != no_memory_op())
            queue_begun(queue, op_of(ops[i]));
}

void rcache_queue_submit(rcache_queue *handle, rcache_op *op, uint64_t tag) {
    submit_to_queue(queue_of(handle), &op, &tag, 1);
}

void rcache_queue_submit_all(rcache_queue *handle, rcache_op *const *ops, const uint64_t *tags, size_t count) {
    submit_to_queue(queue_of(handle), ops, tags, count);
}

size_t drain_queue(struct queue *queue, rcache_event *events, size_t capacity) {
    size_t count = 0;
    uint64_t starved;
    while (count < capacity && queue_take_starved(queue, &starved)) {
        rcache_op_wait(no_memory_op(), 0, &events[count]);
        events[count++].tag = starved;
    }
    struct queued_event taken[QUEUE_EVENTS_MAX];
    for (size_t found; count < capacity && (found = queue_take(queue, taken, capacity - count)) > 0;)
        for (size_t i = 0; i < found; i++) {
            struct op *op = taken[i].op;
            events[count] = (rcache_event){ .tag = call_of(op)->tag };
            event_of((rcache_op *)(void *)op, taken[i].event, taken[i].load, &events[count++]);
        }
    return count;
}

size_t rcache_queue_drain(rcache_queue *handle, rcache_event *events, size_t capacity) {
    struct queue *queue = queue_of(handle);
    return cache_forked(queue->cache) ? 0 : drain_queue(queue, events, capacity);
}

void rcache_queue_free(rcache_queue *handle) {
    struct queue *queue = queue_of(handle);
    if (queue == NULL)
        return;
    struct rcache *cache = queue->cache;
    if (cache_forked(cache)) {
        notice_close(&queue->notice);
        return;
    }
    queue_end(queue);
    cache_drop(cache);
}
