#include "runtime/stepper.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "runtime/cache.h"
#include "runtime/passage.h"

bool stepper_grow(struct stepper *stepper, struct node *node) {
    struct rcache *cache = stepper->cache;
    size_t places = exchange_places(cache), count = stepper->count;
    struct lane **lanes = mem_resize(stepper->lanes, (count + places) * sizeof(struct lane *));
    if (lanes == NULL)
        return false;
    stepper->lanes = lanes;
    for (size_t place = 0; place < places; place++) {
        lanes[count + place] = lane_new(cache, node, exchange_purpose(cache, place));
        if (lanes[count + place] != NULL)
            continue;
        while (place-- > 0)
            lane_free(lanes[count + place], NULL);
        return false;
    }
    stepper->count = count + places;
    return true;
}

static bool make_lanes(struct stepper *stepper) {
    const struct topology *topology = &stepper->cache->topology;
    bool ok = true;
    for (size_t i = 0; ok && i < topology->node_count; i++)
        ok = stepper_grow(stepper, topology->nodes[i]);
    return ok;
}

int32_t stepper_new(struct rcache *cache, struct stepper **result, rcache_error *err) {
    *result = NULL;
    if (cache->stepper != NULL)
        return error_set(err, RCACHE_E_MISUSE, "the cache has a stepper: a second one takes a cache of its own");
    if (stripes_calls(cache) > 0 || cache->queues != NULL)
        return error_set(err, RCACHE_E_MISUSE, "the cache is in use: make the stepper before its first op or queue");
    struct stepper *stepper = mem_alloc_zeroed(1, sizeof *stepper);
    if (stepper != NULL) {
        stepper->cache = cache;
        if (make_lanes(stepper))
            stepper->queue = queue_new(cache, QUEUE_WITHOUT_DESCRIPTOR);
    }
    if (stepper == NULL || stepper->queue == NULL) {
        stepper_clear(stepper, NULL);
        stepper_free(stepper);
        return error_set(err, RCACHE_E_NOMEM, "no memory for a stepper");
    }
    *result = cache->stepper = stepper;
    return RCACHE_OK;
}

void stepper_end(struct stepper *stepper) {
    queue_end(stepper->queue);
}

void stepper_clear(struct stepper *stepper, struct link_node *done) {
    if (stepper == NULL)
        return;
    for (size_t i = 0; i < stepper->count; i++)
        lane_free(stepper->lanes[i], done);
    stepper->count = 0;
}

void stepper_free(struct stepper *stepper) {
    if (stepper == NULL)
        return;
    mem_free(stepper->lanes);
    mem_free(stepper);
}

void stepper_send(struct stepper *stepper, struct link_node *requests, struct link_node *done) {
    int64_t now_ms = clock_now_ms();
    for (struct link_node *node; (node = list_take(requests)) != NULL;) {
        struct request *request = list_entry(node, struct request, node);
        size_t place;
        if (stepper->count == 0)
            exchange_finish(request, RCACHE_E_CLOSED, "the cache was closed", done);
        else if (passage_out(stepper->cache, request, &place, requests, done))
            lane_append(stepper->lanes[place], request, now_ms, done);
    }
}

void stepper_turn(struct stepper *stepper) {
    struct link_node done;
    list_init(&done);
    int64_t now_ms = clock_now_ms();
    engine_tick(cache_lock_engine(stepper->cache), now_ms);
    cache_unlock_engine(stepper->cache, NULL);
    for (size_t i = 0; i < stepper->count; i++)
        lane_tick(stepper->lanes[i], now_ms, &done);
    cache_tick_topology(stepper->cache, now_ms);
    cache_dispatch(stepper->cache, &done);
}

bool stepper_event(struct stepper *stepper, rcache_event *event) {
    int64_t now_ms = clock_now_ms();
    for (size_t i = 0; i < stepper->count; i++)
        if (lane_event(stepper->lanes[i], &stepper->nodes, now_ms, event))
            return true;
    return false;
}

int64_t stepper_due_ms(const struct stepper *stepper) {
    int64_t due_ms = queue_has_ready(stepper->queue) ? 0 : engine_due_ms(&stepper->cache->engine);
    int64_t topology_ms = stepper->cache->topology.due_ms;
    int64_t journal_ms = stepper->cache->journal.due_ms;
    due_ms = topology_ms < due_ms ? topology_ms : due_ms;
    due_ms = journal_ms < due_ms ? journal_ms : due_ms;
    for (size_t i = 0; i < stepper->count; i++) {
        int64_t lane_ms = lane_due_ms(stepper->lanes[i]);
        due_ms = lane_ms < due_ms ? lane_ms : due_ms;
    }
    return due_ms;
}

/* ---- what the caller tells ---- */

struct lane *stepper_lane(const struct stepper *stepper, uint32_t node) {
    for (size_t i = 0; node != 0 && i < stepper->count; i++) {
        struct lane *lane = stepper->lanes[i];
        if (lane->node == node && (lane->reader != NULL || lane->state == LANE_CONNECTING))
            return lane;
    }
    return NULL;
}

void stepper_connected(struct stepper *stepper, uint32_t node, const char *facts) {
    struct lane *lane = stepper_lane(stepper, node);
    struct link_node done;
    list_init(&done);
    if (lane != NULL)
        lane_connected(lane, facts, clock_now_ms(), &done);
    cache_dispatch(stepper->cache, &done);
}

size_t stepper_receive(struct stepper *stepper, uint32_t node, const void *data, size_t size) {
    struct lane *lane = stepper_lane(stepper, node);
    struct link_node done;
    list_init(&done);
    size_t missing = lane != NULL ? lane_receive(lane, data, size, clock_now_ms(), &done) : 0;
    cache_dispatch(stepper->cache, &done);
    return missing;
}

void stepper_lost(struct stepper *stepper, uint32_t node, const char *why) {
    struct lane *lane = stepper_lane(stepper, node);
    struct link_node done;
    list_init(&done);
    if (lane != NULL)
        lane_lost(lane, why, clock_now_ms(), &done);
    cache_dispatch(stepper->cache, &done);
}
