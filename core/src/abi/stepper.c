/* stepper: the driver for callers with sockets of their own. */
#include "abi/handle.h"

#include "base/clock.h"
#include "base/error.h"
#include "runtime/stepper.h"

static struct stepper *stepper_of(rcache_stepper *handle) {
    return (struct stepper *)(void *)handle;
}

static const struct stepper *stepper_of_const(const rcache_stepper *handle) {
    return (const struct stepper *)(const void *)handle;
}

int32_t rcache_stepper_new(rcache *cache, rcache_stepper **stepper, rcache_error *err) {
    if (stepper == NULL || cache == NULL)
        return error_set(err, RCACHE_E_INVALID, "rcache_stepper_new: %s is NULL",
                         stepper == NULL ? "`stepper`" : "`cache`");
    *stepper = NULL;
    if (cache_forked(cache))
        return error_of_fork(err);
    struct stepper *made;
    int32_t status = stepper_new(cache, &made, err);
    if (status != RCACHE_OK)
        return status;
    cache_hold(cache);
    *stepper = (rcache_stepper *)(void *)made;
    return RCACHE_OK;
}

void rcache_stepper_submit(rcache_stepper *stepper, rcache_op *op, uint64_t tag) {
    submit_to_queue(stepper_of(stepper)->queue, &op, &tag, 1);
}

size_t rcache_stepper_drain(rcache_stepper *handle, rcache_event *events, size_t capacity) {
    struct stepper *stepper = stepper_of(handle);
    if (cache_forked(stepper->cache))
        return 0;
    stepper_turn(stepper);
    size_t count = drain_queue(stepper->queue, events, capacity);
    while (count < capacity && stepper_event(stepper, &events[count]))
        count++;
    return count;
}

int64_t rcache_stepper_wait_ms(const rcache_stepper *stepper) {
    int64_t due_ms = stepper_due_ms(stepper_of_const(stepper)), now_ms = clock_now_ms();
    return due_ms == INT64_MAX ? -1 : due_ms > now_ms ? due_ms - now_ms : 0;
}

void rcache_stepper_connected(rcache_stepper *stepper, uint32_t node, const char *facts) {
    stepper_connected(stepper_of(stepper), node, facts);
}

size_t rcache_stepper_facts(const rcache_stepper *stepper, uint32_t node, char *text, size_t capacity) {
    const struct lane *lane = stepper_lane(stepper_of_const(stepper), node);
    char word[FACTS_TEXT_MAX] = "";
    size_t size = lane != NULL && lane->state == LANE_UP ? facts_write(word, &lane->facts) : 0;
    size_t fits = size < capacity ? size : capacity > 0 ? capacity - 1 : 0;
    if (text != NULL && capacity > 0) {
        memcpy(text, word, fits);
        text[fits] = '\0';
    }
    return size;
}

size_t rcache_stepper_receive(rcache_stepper *stepper, uint32_t node, const void *data, size_t size) {
    return stepper_receive(stepper_of(stepper), node, data, size);
}

int32_t rcache_stepper_idle(const rcache_stepper *stepper, uint32_t node) {
    const struct lane *lane = stepper_lane(stepper_of_const(stepper), node);
    return lane != NULL && lane_idle(lane);
}

void rcache_stepper_lost(rcache_stepper *stepper, uint32_t node, const char *why) {
    stepper_lost(stepper_of(stepper), node, why);
}

void rcache_stepper_free(rcache_stepper *handle) {
    struct stepper *stepper = stepper_of(handle);
    if (stepper == NULL || cache_forked(stepper->cache))
        return;
    struct rcache *cache = stepper->cache;
    stepper_end(stepper);
    cache_drop(cache);
}
