#include "engine/engine.h"

#include "base/rule.h"
#include "engine/flight.h"
#include "engine/load.h"
#include "engine/pause.h"
#include "engine/update.h"
#include "resilicache.h"

bool engine_init(struct engine *engine, const struct policy *policy, struct counters *counters, uint64_t identity,
                 uint64_t seed) {
    *engine = (struct engine){ .policy = policy, .counters = counters, .identity = identity, .random = { seed } };
    list_init(&engine->outgoing);
    list_init(&engine->awake);
    return map_init(&engine->flights, random_next(&engine->random)) &&
           setbacks_init(&engine->setbacks, random_next(&engine->random));
}

void engine_clear(struct engine *engine) {
    for (size_t i = 0; engine->flights.buckets != NULL && i < engine->flights.bucket_count; i++)
        for (struct map_node *node = engine->flights.buckets[i], *next; node != NULL; node = next) {
            next = node->next;
            flight_discard(list_entry(node, struct flight, node));
        }
    map_clear(&engine->flights);
    setbacks_clear(&engine->setbacks);
}

void engine_send(struct engine *engine, struct request *request) {
    list_append(&engine->outgoing, &request->node);
}

void engine_wake(struct engine *engine, struct op *op) {
    if (list_empty(&op->awake)) {
        op_hold(op);
        list_append(&engine->awake, &op->awake);
    }
}

void engine_arm(struct engine *engine, struct timer *timer, int64_t due_ms) {
    heap_set(&engine->timers, &timer->node, due_ms);
}

void engine_disarm(struct engine *engine, struct timer *timer) {
    heap_remove(&engine->timers, &timer->node);
}

int64_t engine_due_ms(const struct engine *engine) {
    const struct heap_node *first = heap_first(&engine->timers);
    return first != NULL ? first->due : INT64_MAX;
}

/* Another writer has the key locked: asked again after a while. */
static void wait_for_lock(struct engine *engine, struct slot *slot, int64_t now_ms) {
    slot->pause_ms = pause_after(slot->pause_ms, engine->policy->lock_sleep_ms);
    engine_arm(engine, &slot->timer, now_ms + slot->pause_ms);
}

static void seek(struct engine *engine, struct slot *slot, int64_t now_ms) {
    if (slot->op->kind == OP_UPDATE && slot->fence != 0)
        update_begin(engine, slot->op, now_ms);
    else if (slot->op->kind == OP_LOCK || slot->op->kind == OP_UPDATE)
        wait_for_lock(engine, slot, now_ms);
    else
        flight_seek(engine, slot, now_ms);
}

/* Slots settle while others of the op still seek: the op is looked at once, at the end. */
static void wake_if_done(struct engine *engine, struct op *op) {
    if (op->unsettled == 0)
        engine_wake(engine, op);
}

void engine_enter(struct engine *engine, struct op *op, int64_t now_ms) {
    op->shared = true;
    op->acquiring++; /* held, so that the first lease won doesn't hand its load over before the others are asked for */
    for (size_t i = 0; i < op->count; i++)
        if (!op->slots[i].settled)
            seek(engine, &op->slots[i], now_ms);
    op->acquiring--;
    if (op->acquiring == 0)
        load_hand_over(engine, op, now_ms);
    wake_if_done(engine, op);
}

static void slot_reply(struct engine *engine, struct slot *slot, int64_t now_ms) {
    struct op *op = slot->op;
    if (op->kind == OP_UPDATE && (slot->settled || slot->request.verb != VERB_LOCK)) {
        update_reply(engine, op, now_ms);
    } else if (!slot->settled) {
        if (!slot_take_reply(slot, engine->counters))
            seek(engine, slot, now_ms);
        wake_if_done(engine, op);
    }
    op_drop(op);
}

void engine_reply(struct engine *engine, struct request *request, int64_t now_ms) {
    switch (request->reply_for) {
    case FOR_SLOT:
        slot_reply(engine, request->target, now_ms);
        return;
    case FOR_FLIGHT:
        flight_reply(engine, request->target, now_ms);
        return;
    case FOR_RENEWAL:
        flight_renewed(engine, request->target);
        return;
    case FOR_TOPOLOGY: /* these are the runtime's, and don't come here */
    case FOR_PROBE:
    case FOR_REPAIR:
    case FOR_JOURNAL:
        return;
    }
}

void engine_end_op(struct engine *engine, struct op *op, int32_t status, const char *what, int64_t now_ms) {
    engine_disarm(engine, &op->timer);
    for (size_t i = 0; i < op->count; i++) {
        struct slot *slot = &op->slots[i];
        if (slot->settled)
            continue;
        engine_disarm(engine, &slot->timer);
        flight_leave(engine, slot);
        if (slot->early)
            slot_hit(slot);
        else
            slot_fail(slot, status, what);
    }
    struct link_node *node;
    while ((node = list_take(&op->owned)) != NULL || (node = list_take(&op->behind)) != NULL)
        flight_give_up(engine, list_entry(node, struct flight, won), now_ms);
    struct load *load = op->load, *refresh = status == RCACHE_E_TIMEOUT ? NULL : op->refresh;
    if (load != NULL && RULE(ended_ops_give_their_load_up, true)) {
        op->load = NULL;
        load_give_up(engine, load, now_ms);
    }
    if (refresh != NULL) {
        op->refresh = NULL;
        load_give_up(engine, refresh, now_ms);
    }
    engine_wake(engine, op);
}

void engine_end_private(struct engine *engine, struct op *op, int32_t status, const char *what, int64_t now_ms) {
    bool ended = op->unsettled == 0;
    engine_disarm(engine, &op->timer);
    for (size_t i = 0; i < op->count; i++)
        if (!op->slots[i].settled)
            slot_fail(&op->slots[i], status, what);
    if (op->kind == OP_UPDATE && !ended && op_leave(op))
        update_reply(engine, op, now_ms);
}

void engine_changed(struct engine *engine, struct slice key) {
    if (key.data != NULL) {
        struct map_node *node = map_find(&engine->flights, key);
        if (node == NULL)
            return;
        flight_look(engine, list_entry(node, struct flight, node));
        return;
    }
    for (size_t i = 0; i < engine->flights.bucket_count; i++)
        for (struct map_node *node = engine->flights.buckets[i], *next; node != NULL; node = next) {
            next = node->next;
            flight_look(engine, list_entry(node, struct flight, node));
        }
}

/* An op in its private phase is its driver's to end. */
static void op_timer(struct engine *engine, struct op *op, int64_t now_ms) {
    if (!op->shared) {
        engine_wake(engine, op);
        return;
    }
    engine->counters->timeouts++;
    engine_end_op(engine, op, RCACHE_E_TIMEOUT, "deadline passed", now_ms);
}

static void run_timer(struct engine *engine, struct timer *timer, int64_t now_ms) {
    switch (timer->kind) {
    case TIMER_FLIGHT:
        flight_timer(engine, list_entry(timer, struct flight, timer), now_ms);
        return;
    case TIMER_LOAD:
        load_timer(engine, list_entry(timer, struct load, timer), now_ms);
        return;
    case TIMER_SLOT: {
        struct slot *slot = list_entry(timer, struct slot, timer);
        if (slot->op->kind != OP_LOCK && slot->op->kind != OP_UPDATE) {
            flight_slot_timer(engine, slot, now_ms);
            return;
        }
        request_clear(&slot->request);
        op_hold(slot->op);
        engine_send(engine, &slot->request);
        return;
    }
    case TIMER_OP:
        op_timer(engine, list_entry(timer, struct op, timer), now_ms);
        return;
    }
}

void engine_tick(struct engine *engine, int64_t now_ms) {
    while (engine_due_ms(engine) <= now_ms) {
        struct heap_node *first = heap_first(&engine->timers);
        heap_remove(&engine->timers, first);
        run_timer(engine, list_entry(first, struct timer, node), now_ms);
    }
}
