/* wait: the blocking driver, and what is made of it. */
#include "abi/handle.h"

#include <stdatomic.h>

/* A load becomes the caller's. */
static void give_load(rcache_event *event, struct load *load, struct rcache *cache) {
    load->driver = cache_hold(cache);
    event->load = (rcache_load *)(void *)load;
}

static int32_t finish(rcache_op *handle, rcache_event *event) {
    event->kind = RCACHE_EVENT_DONE;
    event->result = result_of(handle);
    rcache_result_values(event->result, &event->value, 1);
    return RCACHE_EVENT_DONE;
}

int32_t event_of(rcache_op *handle, enum call_event happened, struct load *load, rcache_event *event) {
    struct op *op = op_of(handle);
    struct rcache *cache = call_of(op)->cache;
    switch (happened) {
    case CALL_NOTHING:
        return RCACHE_EVENT_NONE;
    case CALL_LOAD:
        event->kind = RCACHE_EVENT_LOAD;
        give_load(event, load, cache);
        return RCACHE_EVENT_LOAD;
    case CALL_LOST:
        event->kind = RCACHE_EVENT_LOST;
        return RCACHE_EVENT_LOST;
    case CALL_DONE:
        break;
    }
    atomic_store_explicit(&call_of(op)->over, true, memory_order_release);
    if (cache != NULL)
        note_in_session(cache, op);
    if (op->refresh != NULL)
        give_load(event, op->refresh, cache);
    if (cache != NULL)
        stripe_leave(cache, call_of(op)->stripe);
    return finish(handle, event);
}

int32_t rcache_op_wait(rcache_op *handle, int64_t timeout_ms, rcache_event *event) {
    *event = (rcache_event){ 0 };
    if (handle == NULL)
        handle = failed_op(RCACHE_E_MISUSE, "rcache_op_wait: `op` is NULL");
    if (handle == no_memory_op())
        return finish(handle, event);
    struct op *op = op_of(handle);
    struct rcache *cache = call_of(op)->cache;
    if (cache == NULL)
        return finish(handle, event);
    if (cache_forked(cache))
        return finish(
            failed_op(RCACHE_E_FORKED, "the op was begun before a fork: begin a new one in the child process"), event);
    if (cache->stepper != NULL) {
        rcache_op_free(handle);
        return finish(failed_op(RCACHE_E_MISUSE, "the cache has a stepper: submit the op to that"), event);
    }
    struct load *load;
    enum call_event happened = call_wait(op, timeout_ms, &load);
    return event_of(handle, happened, load, event);
}

static void run_loader(rcache_load *load, rcache_loader loader, void *arg) {
    if (loader != NULL) {
        loader(load, arg);
        return;
    }
    for (size_t i = 0; i < rcache_load_count(load); i++)
        rcache_load_fail(load, i, "no loader was given");
    rcache_load_finish(load);
}

int32_t rcache_op_run(rcache_op *op, rcache_loader loader, void *arg, rcache_result **result) {
    rcache_event event;
    do {
        rcache_op_wait(op, -1, &event);
        if (event.load != NULL)
            run_loader(event.load, loader, arg);
    } while (event.kind != RCACHE_EVENT_DONE);
    int32_t status = rcache_result_status(event.result, NULL);
    if (result != NULL)
        *result = event.result;
    else
        rcache_result_free(event.result);
    return status;
}

int32_t rcache_fetch(rcache *cache, const void *key, size_t size, int64_t ttl_ms, rcache_loader load, void *arg,
                     const rcache_call *call, rcache_result **result) {
    rcache_call inline_call = known_part(call);
    inline_call.struct_size = sizeof inline_call;
    inline_call.flags |= RCACHE_INLINE;
    uint32_t key_size = size <= UINT32_MAX ? (uint32_t)size : UINT32_MAX;
    return rcache_op_run(fetch_at_once(cache, key, key_size, ttl_ms, &inline_call), load, arg, result);
}
