#include "engine/flight.h"

#include "base/alloc.h"
#include "base/rule.h"
#include "base/text.h"
#include "engine/load.h"
#include "resilicache.h"

static struct flight *flight_new(struct engine *engine, const struct slot *slot) {
    struct slice key = slot->request.key;
    struct flight *flight = mem_alloc_zeroed(1, sizeof *flight + key.size);
    if (flight == NULL)
        return NULL;
    list_init(&flight->waiting);
    list_init(&flight->won);
    list_init(&flight->request.node);
    list_init(&flight->renewal.node);
    flight->timer.kind = TIMER_FLIGHT;
    if (key.size > 0)
        memcpy(flight->key, key.data, key.size);
    flight->node.key = slice_of(flight->key, key.size);
    flight->request.key = flight->renewal.key = flight->node.key;
    flight->request.owner = flight->renewal.owner = slice_of(flight->token, TOKEN_SIZE);
    flight->request.route = flight->renewal.route = slot->op->route;
    flight->request.reply_for = FOR_FLIGHT;
    flight->renewal.reply_for = FOR_RENEWAL;
    flight->request.target = flight->renewal.target = flight;
    flight->direct = engine->policy->disable_cache_read;
    map_add(&engine->flights, &flight->node);
    return flight;
}

void flight_settle(struct flight *flight) {
    if (flight->state != FLIGHT_OVER || flight->under_way > 0)
        return;
    request_clear(&flight->request);
    request_clear(&flight->renewal);
    blob_drop(flight->answer);
    blob_drop(flight->stale);
    mem_free(flight);
}

void flight_discard(struct flight *flight) {
    flight->state = FLIGHT_OVER;
    flight->under_way = 0;
    flight_settle(flight);
}

/* Nobody can join any more; flight_settle frees it once nothing is under way. */
static void close_flight(struct engine *engine, struct flight *flight) {
    flight->state = FLIGHT_OVER;
    flight->initiator = NULL;
    flight->load = NULL;
    engine->loads_past -= flight->past;
    list_remove(&flight->won);
    engine_disarm(engine, &flight->timer);
    map_remove(&engine->flights, &flight->node);
}

static void wait_in(struct engine *engine, struct flight *flight, struct slot *slot, int64_t now_ms) {
    slot->flight = flight;
    slot->joined = ++engine->sequence;
    list_append(&flight->waiting, &slot->waiting);
    if (flight->state == FLIGHT_LOADING)
        flight_time(engine, flight, slot, now_ms);
}

static void wait_no_more(struct engine *engine, struct slot *slot) {
    struct flight *flight = slot->flight;
    list_remove(&slot->waiting);
    engine_disarm(engine, &slot->timer);
    slot->flight = NULL;
    if (flight != NULL && flight->initiator == slot && flight->state == FLIGHT_LOADING)
        flight->initiator = NULL;
}

static void settle_with(struct engine *engine, struct slot *slot, int32_t outcome, struct blob *value) {
    slot_settle(slot, outcome, RCACHE_OK, outcome == RCACHE_ABSENT ? NULL : blob_share(value), NULL);
    if (slot->op->unsettled == 0)
        engine_wake(engine, slot->op);
}

static void settle_stale(struct engine *engine, struct slot *slot, struct blob *value, bool absent) {
    engine->counters->stale++;
    settle_with(engine, slot, absent ? RCACHE_ABSENT : RCACHE_STALE, value);
}

/* What its own peek saw was not invalidated when the call had begun: whether it may be served is a matter of that
 * value's time alone, whatever has become of the entry since. */
static bool own_serves(const struct slot *slot, int64_t window_ms, int64_t now_ms) {
    const struct reply *reply = &slot->request.reply;
    if (slot->op->strong || !reply->lapsed || window_ms <= 0)
        return false;
    int64_t over_ms = now_ms - (slot->request.sent_ms + reply->fresh_ms);
    return !RULE(own_windows_end, over_ms >= window_ms);
}

static void serve_own(struct engine *engine, struct slot *slot) {
    const struct reply *reply = &slot->request.reply;
    settle_stale(engine, slot, reply->value, reply->absent);
}

static void go_again(struct engine *engine, struct slot *slot, int64_t now_ms) {
    engine->counters->joiner_retries++;
    if (engine->policy->disable_cache_read) {
        flight_seek(engine, slot, now_ms);
        return;
    }
    request_clear(&slot->request);
    slot->early = false;
    op_hold(slot->op);
    engine_send(engine, &slot->request);
}

static void send_again(struct engine *engine, struct link_node *slots, int64_t now_ms) {
    for (struct link_node *node; (node = list_take(slots)) != NULL;)
        go_again(engine, list_entry(node, struct slot, waiting), now_ms);
}

static void begin(struct engine *engine, struct slot *slot, int64_t now_ms) {
    struct flight *flight = flight_new(engine, slot);
    if (flight == NULL) {
        slot_fail(slot, RCACHE_E_NOMEM, "no memory to begin a load");
        if (slot->op->unsettled == 0)
            engine_wake(engine, slot->op);
        return;
    }
    flight->initiator = slot;
    wait_in(engine, flight, slot, now_ms);
    if (flight->direct) {
        flight_won(engine, flight, now_ms);
        flight_hand_over(engine, flight, now_ms);
        return;
    }
    if (slot->request.reply.status == RCACHE_E_UNAVAILABLE) {
        flight_lose_server(engine, flight, &slot->request.reply, now_ms);
        return;
    }
    flight->counted = true;
    slot->op->acquiring++;
    if (slot->early)
        flight_refresh(engine, flight);
    else
        flight_acquire(engine, flight, false);
}

void flight_hit(struct engine *engine, struct slot *slot) {
    wait_no_more(engine, slot);
    slot_hit(slot);
    if (slot->op->unsettled == 0)
        engine_wake(engine, slot->op);
}

/* What its own peek saw may be older by now than what the flight was given, and past its time. */
static bool may_be_served(const struct flight *flight, const struct slot *slot, int64_t now_ms) {
    bool saw_stale = slot->request.reply.verdict == VERDICT_UNFRESH && flight->stale != NULL;
    return !slot->op->strong && saw_stale && !RULE(kept_bounds_end, now_ms >= flight->stale_until);
}

void flight_fail_slot(struct engine *engine, struct slot *slot, int32_t status, const char *what) {
    wait_no_more(engine, slot);
    slot_fail(slot, status, what);
    if (slot->op->unsettled == 0)
        engine_wake(engine, slot->op);
}

bool flight_cover(struct engine *engine, struct slot *slot, int64_t now_ms) {
    if (slot->early) {
        flight_hit(engine, slot);
        return true;
    }
    if (slot->stale != NULL && !RULE(failed_loads_serve_within_bounds, now_ms >= slot->stale_until)) {
        wait_no_more(engine, slot);
        settle_stale(engine, slot, slot->stale, slot->stale_absent);
        return true;
    }
    if (!RULE(errors_are_covered, own_serves(slot, engine->policy->stale_if_error_ms, now_ms)))
        return false;
    engine->counters->stale_on_error++;
    wait_no_more(engine, slot);
    serve_own(engine, slot);
    return true;
}

static void fail_paused(struct engine *engine, struct slot *slot, int64_t left_ms, int64_t now_ms) {
    engine->counters->loads_paused++;
    if (flight_cover(engine, slot, now_ms))
        return;
    char digits[TEXT_NUMBER_SIZE];
    struct blob *what = text_join("its last load failed, and the next may begin in ", text_of_number(digits, left_ms),
                                  " ms (retry_after)", (const char *)NULL);
    flight_fail_slot(engine, slot, RCACHE_E_LOADER, what != NULL ? what->data : "its last load has failed");
    blob_drop(what);
}

/* A value that was invalidated may be newer than the failure that the pause is for, and is asked for. */
static int64_t pause_left_ms(const struct engine *engine, const struct slot *slot, int64_t now_ms) {
    const struct reply *reply = &slot->request.reply;
    bool asks = slot->op->strong || (reply->verdict == VERDICT_UNFRESH && !reply->lapsed);
    return asks ? 0 : setbacks_left_ms(&engine->setbacks, slot->request.key, now_ms);
}

void flight_seek(struct engine *engine, struct slot *slot, int64_t now_ms) {
    struct map_node *node = map_find(&engine->flights, slot->request.key);
    if (slot->early && (node != NULL || setbacks_left_ms(&engine->setbacks, slot->request.key, now_ms) > 0)) {
        flight_hit(engine, slot);
        return;
    }
    if (node == NULL) {
        int64_t left_ms = pause_left_ms(engine, slot, now_ms);
        if (left_ms > 0)
            fail_paused(engine, slot, left_ms, now_ms);
        else
            begin(engine, slot, now_ms);
        return;
    }
    struct flight *flight = list_entry(node, struct flight, node);
    if (own_serves(slot, engine->policy->stale_while_revalidate_ms, now_ms)) {
        engine->counters->stale_expired++;
        serve_own(engine, slot);
        return;
    }
    if (may_be_served(flight, slot, now_ms)) {
        settle_stale(engine, slot, flight->stale, flight->stale_absent);
        return;
    }
    engine->counters->joined++;
    bool alone = list_empty(&flight->waiting);
    wait_in(engine, flight, slot, now_ms);
    load_come_forward(engine, slot->op);
    if (flight->state != FLIGHT_WAITING)
        return;
    if (flight_owes_stale(flight))
        flight_acquire(engine, flight, false);
    else if (alone)
        flight_look(engine, flight);
}

bool flight_owes_stale(const struct flight *flight) {
    for (struct link_node *node = flight->waiting.next; node != &flight->waiting; node = node->next) {
        const struct slot *slot = list_entry(node, struct slot, waiting);
        const struct reply *reply = &slot->request.reply;
        bool asked_for = slot->joined < flight->acquired;
        if (!asked_for && !slot->op->strong && reply->verdict == VERDICT_UNFRESH && !reply->lapsed)
            return true;
    }
    return false;
}

void flight_leave(struct engine *engine, struct slot *slot) {
    struct flight *flight = slot->flight;
    if (flight == NULL)
        return;
    wait_no_more(engine, slot);
    if (flight->initiator == slot) {
        flight->initiator = NULL;
        flight->counted = false;
    }
    if (list_empty(&flight->waiting) && (flight->state == FLIGHT_WAITING || flight->state == FLIGHT_CHECKING)) {
        close_flight(engine, flight);
        flight_settle(flight);
    }
}

void flight_deliver(struct engine *engine, struct flight *flight, const struct delivery *delivery, int64_t now_ms) {
    close_flight(engine, flight);
    struct link_node again;
    list_init(&again);
    for (struct link_node *node; (node = list_take(&flight->waiting)) != NULL;) {
        struct slot *slot = list_entry(node, struct slot, waiting);
        wait_no_more(engine, slot);
        uint64_t before = slot->op->strong ? delivery->strong_before : delivery->eventual_before;
        bool late = RULE(late_joiners_go_again, slot->joined >= before);
        if (before > 0 && !late && delivery->outcome == RCACHE_STALE)
            settle_stale(engine, slot, delivery->value, false);
        else if (before > 0 && !late)
            settle_with(engine, slot, delivery->outcome, delivery->value);
        else
            list_append(&again, &slot->waiting);
    }
    send_again(engine, &again, now_ms);
    flight_settle(flight);
}

static void fail_all(struct engine *engine, struct flight *flight, int32_t status, const char *what, bool covered,
                     int64_t now_ms) {
    close_flight(engine, flight);
    for (struct link_node *node; (node = list_take(&flight->waiting)) != NULL;) {
        struct slot *slot = list_entry(node, struct slot, waiting);
        if (!covered || !flight_cover(engine, slot, now_ms))
            flight_fail_slot(engine, slot, status, what);
    }
    flight_settle(flight);
}

void flight_fail(struct engine *engine, struct flight *flight, int32_t status, const char *what, int64_t now_ms) {
    fail_all(engine, flight, status, what, true, now_ms);
}

void flight_pause(struct engine *engine, struct flight *flight, int64_t left_ms, int64_t now_ms) {
    struct link_node again;
    list_init(&again);
    close_flight(engine, flight);
    for (struct link_node *node; (node = list_take(&flight->waiting)) != NULL;) {
        struct slot *slot = list_entry(node, struct slot, waiting);
        wait_no_more(engine, slot);
        if (slot->joined < flight->asked)
            fail_paused(engine, slot, left_ms, now_ms);
        else
            list_append(&again, &slot->waiting);
    }
    send_again(engine, &again, now_ms);
    flight_settle(flight);
}

void flight_fail_strong(struct engine *engine, struct flight *flight, int32_t status, const char *what) {
    for (struct link_node *node = flight->waiting.next, *next; node != &flight->waiting; node = next) {
        next = node->next;
        struct slot *slot = list_entry(node, struct slot, waiting);
        if (!slot->op->strong)
            continue;
        if (flight->initiator == slot) /* another is to load, if anybody still waits */
            flight->initiator = NULL;
        flight_fail_slot(engine, slot, status, what);
    }
}

bool flight_loads_behind(const struct slot *slot) {
    return !slot->op->refresh_inline && slot->op->refresh == NULL;
}

void flight_serve_stale(struct engine *engine, struct flight *flight, struct blob *value, bool absent,
                        int64_t now_ms) {
    if (value == NULL)
        return;
    for (struct link_node *node = flight->waiting.next, *next; node != &flight->waiting; node = next) {
        next = node->next;
        struct slot *slot = list_entry(node, struct slot, waiting);
        bool owner = flight->initiator == slot && flight->request.reply.verdict == VERDICT_OWNED;
        bool in_time = slot->joined < flight->asked ||
                       RULE(late_joiners_are_served, may_be_served(flight, slot, now_ms));
        if (RULE(strong_gets_nothing_stale, slot->op->strong) || !in_time)
            continue;
        if (owner && !flight_loads_behind(slot)) {
            blob_drop(slot->stale);
            slot->stale = blob_share(value);
            slot->stale_until = flight->stale_until;
            slot->stale_absent = absent;
            continue;
        }
        wait_no_more(engine, slot);
        if (flight->request.reply.lapsed)
            engine->counters->stale_expired++;
        settle_stale(engine, slot, value, absent);
    }
}

void flight_appoint(struct flight *flight) {
    if (flight->initiator == NULL && !list_empty(&flight->waiting))
        flight->initiator = list_entry(flight->waiting.next, struct slot, waiting);
}

void flight_won(struct engine *engine, struct flight *flight, int64_t now_ms) {
    flight_appoint(flight);
    struct slot *slot = flight->initiator;
    if (slot == NULL) {
        flight_give_up(engine, flight, now_ms);
        return;
    }
    flight->state = FLIGHT_OWNED;
    list_append(slot->settled ? &slot->op->behind : &slot->op->owned, &flight->won);
}

void flight_hand_over(struct engine *engine, struct flight *flight, int64_t now_ms) {
    if (flight->state == FLIGHT_OWNED && flight->initiator->op->acquiring == 0)
        load_hand_over(engine, flight->initiator->op, now_ms);
}

void flight_give_up(struct engine *engine, struct flight *flight, int64_t now_ms) {
    flight_release(engine, flight, RELEASE_UNUSED);
    flight_deliver(engine, flight, &(struct delivery){ 0 }, now_ms);
}

void flight_load_failed(struct engine *engine, struct flight *flight, const char *message, enum release why,
                        int64_t now_ms) {
    const struct policy *policy = engine->policy;
    engine->counters->loads_failed++;
    bool alone = !policy->retry_after_shared || flight->past; /* nobody else could be told */
    if (policy->retry_after_ms > 0 && alone && why != RELEASE_UNUSED)
        setbacks_note(&engine->setbacks, flight->node.key, policy, now_ms);
    flight_release(engine, flight, why);
    fail_all(engine, flight, RCACHE_E_LOADER, message, why != RELEASE_REFUSED, now_ms);
}
