#include "engine/load.h"

#include "base/alloc.h"
#include "base/rule.h"
#include "engine/update.h"
#include "resilicache.h"

/* A lease is renewed when a third of it has passed: two renewals may get lost before it ends. */
static int64_t renewal_ms(const struct engine *engine) {
    int64_t third = engine->policy->lock_expire_ms / 3;
    return third > 0 ? third : 1;
}

static void time_waiting(struct engine *engine, struct flight *flight, int64_t now_ms) {
    for (struct link_node *node = flight->waiting.next; node != &flight->waiting; node = node->next)
        flight_time(engine, flight, list_entry(node, struct slot, waiting), now_ms);
}

static struct load *load_new(struct engine *engine, struct op *op, struct link_node *won, bool behind, int64_t now_ms) {
    size_t count = 0;
    for (struct link_node *node = won->next; node != won; node = node->next)
        count++;
    struct load *load = count > 0 ? mem_alloc_zeroed(1, sizeof *load + count * sizeof load->items[0]) : NULL;
    if (load == NULL)
        return NULL;
    load->op = op_hold(op);
    load->timer.kind = TIMER_LOAD;
    load->began_ms = now_ms;
    load->wanted = (uint32_t)count;
    load->behind = behind;
    uint64_t began = ++engine->sequence;
    for (struct link_node *node; (node = list_take(won)) != NULL;) {
        struct flight *flight = list_entry(node, struct flight, won);
        flight->state = FLIGHT_LOADING;
        flight->loaded = began;
        flight->load = load;
        load->primary = load->primary || flight->outdated > 0;
        if (flight->outdated > 0) /* under the same lease, which may be near its end */
            flight_renew(engine, flight);
        time_waiting(engine, flight, now_ms);
        load->items[load->count++] =
            (struct load_item){ .flight = flight, .position = (size_t)(flight->initiator - op->slots) };
    }
    engine->counters->loads += count;
    if (behind)
        engine->counters->refreshes += count;
    engine_arm(engine, &load->timer, now_ms + renewal_ms(engine));
    return load;
}

static void hand_over_list(struct engine *engine, struct op *op, struct link_node *won, struct load **place,
                           bool behind, int64_t now_ms) {
    if (list_empty(won) || *place != NULL)
        return;
    *place = load_new(engine, op, won, behind, now_ms);
    if (*place == NULL)
        for (struct link_node *node; (node = list_take(won)) != NULL;)
            flight_load_failed(engine, list_entry(node, struct flight, won), "no memory for a load", RELEASE_UNUSED,
                               now_ms);
    else if (!behind)
        engine_wake(engine, op);
}

static bool waits_in(const struct op *op, const struct flight *flight) {
    for (const struct link_node *node = flight->waiting.next; node != &flight->waiting; node = node->next)
        if (list_entry(node, struct slot, waiting)->op == op)
            return true;
    return false;
}

void load_come_forward(struct engine *engine, struct op *op) {
    struct load *load = op->refresh;
    bool waits = false;
    for (size_t i = 0; load != NULL && i < load->count; i++)
        waits = waits || waits_in(op, load->items[i].flight);
    if (op->load != NULL || !RULE(nobody_waits_for_himself, waits))
        return;
    op->load = load;
    op->refresh = NULL;
    load->behind = false;
    engine->counters->refreshes -= load->count;
    engine_wake(engine, op);
}

void load_hand_over(struct engine *engine, struct op *op, int64_t now_ms) {
    hand_over_list(engine, op, &op->behind, &op->refresh, true, now_ms);
    hand_over_list(engine, op, &op->owned, &op->load, false, now_ms);
    load_come_forward(engine, op);
}

void load_give_up(struct engine *engine, struct load *load, int64_t now_ms) {
    if (load->op->kind == OP_UPDATE) {
        update_finish(engine, load, now_ms);
        return;
    }
    engine_disarm(engine, &load->timer);
    engine->counters->loads_lost += load->count;
    for (size_t i = 0; i < load->count; i++)
        flight_give_up(engine, load->items[i].flight, now_ms);
    load_free(load);
}

void load_timer(struct engine *engine, struct load *load, int64_t now_ms) {
    if (load->op->kind == OP_UPDATE) {
        update_timer(engine, load, now_ms);
        return;
    }
    if (now_ms - load->began_ms >= engine->policy->lock_expire_max_ms)
        return; /* the leases may lapse: a loader that takes this long is taken for dead */
    for (size_t i = 0; RULE(leases_are_renewed, true) && i < load->count; i++)
        flight_renew(engine, load->items[i].flight);
    engine_arm(engine, &load->timer, now_ms + renewal_ms(engine));
}

/* The option bounds waiting, not the caller's own work. */
static void pause_deadline(struct engine *engine, struct op *op, int64_t now_ms) {
    if (op->deadline_given || op->loading++ > 0 || !RULE(deadlines_wait_for_loaders, true))
        return;
    op->loading_since_ms = now_ms;
    op->paused_deadline_ms = op->deadline_ms;
    op->deadline_ms = INT64_MAX;
    engine_disarm(engine, &op->timer);
}

static void resume_deadline(struct engine *engine, struct op *op, int64_t now_ms) {
    if (op->deadline_given)
        return;
    op->loading--;
    if (RULE(deadlines_wait_for_all_loaders, op->loading > 0))
        return;
    op->deadline_ms = op->paused_deadline_ms + (now_ms - op->loading_since_ms);
    if (op->timed && op->unsettled > 0)
        engine_arm(engine, &op->timer, op->deadline_ms);
    else if (op->unsettled > 0)
        engine_wake(engine, op); /* its thread may wait, without a deadline by now */
}

/* Leases that were won while this load waited to be taken make the next one. */
struct load *engine_take_load(struct engine *engine, struct op *op, int64_t now_ms) {
    struct load *load = op->load;
    op->load = NULL;
    if (load == NULL)
        return NULL;
    if (op->kind == OP_UPDATE) {
        update_taken(engine, op);
        return load;
    }
    pause_deadline(engine, op, now_ms);
    if (op->acquiring == 0)
        load_hand_over(engine, op, now_ms);
    else
        load_come_forward(engine, op);
    if (op->unsettled == 0) /* nobody waited until it was taken */
        engine_wake(engine, op);
    return load;
}

void load_free(struct load *load) {
    for (size_t i = 0; i < load->count; i++)
        blob_drop(load->items[i].value);
    op_drop(load->op);
    mem_free(load);
}

/* A deadline that was given with the call counts the caller's own loader: its value is kept, but comes too late. */
static void end_if_late(struct engine *engine, struct load *load, int64_t now_ms) {
    struct op *op = load->op;
    if (!op->deadline_given || load->behind || op->unsettled == 0 || now_ms < op->deadline_ms)
        return;
    engine->counters->timeouts++;
    engine_end_op(engine, op, RCACHE_E_TIMEOUT, "its deadline passed while it was loading", now_ms);
}

void engine_finish_load(struct engine *engine, struct load *load, int64_t now_ms) {
    struct op *op = load->op;
    if (op->kind == OP_UPDATE) {
        update_finish(engine, load, now_ms);
        return;
    }
    engine_disarm(engine, &load->timer);
    if (!load->behind)
        resume_deadline(engine, op, now_ms);
    end_if_late(engine, load, now_ms);
    for (size_t i = 0; i < load->count; i++) {
        struct load_item *item = &load->items[i];
        struct blob *value = item->answer == ANSWER_VALUE ? item->value : NULL;
        switch (item->answer) {
        case ANSWER_VALUE:
        case ANSWER_ABSENT:
            flight_store(engine, item->flight,
                         &(struct load_answer){ .value = value,
                                           .ttl_ms = item->ttl_ms > 0 ? item->ttl_ms : op->ttl_ms,
                                           .version = item->version },
                         now_ms);
            break;
        case ANSWER_FAILED:
        case ANSWER_REFUSED:
            flight_load_failed(engine, item->flight, item->value != NULL ? item->value->data : "the loader failed",
                               item->answer == ANSWER_REFUSED ? RELEASE_REFUSED : RELEASE_FAILED, now_ms);
            break;
        case ANSWER_NONE:
            flight_load_failed(engine, item->flight, "the loader finished without an answer for this key",
                               RELEASE_FAILED, now_ms);
            break;
        }
    }
    load_free(load);
}
