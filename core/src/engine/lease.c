/* lease: a flight's dealings with the store: asking for the lease, waiting for another's, storing, renewing. */
#include "engine/flight.h"

#include "base/rule.h"
#include "base/text.h"
#include "engine/load.h"
#include "engine/pause.h"
#include "engine/ttl.h"
#include "resilicache.h"

static const uint64_t NONE = 0; /* sequence numbers: nobody joined before */

/* What comes from a server may be any number. */
static int64_t later(int64_t time_ms, int64_t by_ms) {
    return by_ms < INT64_MAX - time_ms ? time_ms + by_ms : INT64_MAX;
}

static void send(struct engine *engine, struct flight *flight, enum verb verb) {
    request_clear(&flight->request);
    flight->request.verb = verb;
    flight->asked = ++engine->sequence;
    flight->under_way++;
    engine_send(engine, &flight->request);
}

static bool strong_waits(const struct flight *flight) {
    for (struct link_node *node = flight->waiting.next; node != &flight->waiting; node = node->next)
        if (list_entry(node, struct slot, waiting)->op->strong)
            return true;
    return false;
}

static void take_token(struct engine *engine, struct flight *flight) {
    text_put_hex(text_put_hex(flight->token, engine->identity), ++engine->tokens);
}

void flight_refresh(struct engine *engine, struct flight *flight) {
    flight->state = FLIGHT_REFRESHING;
    take_token(engine, flight);
    flight->request.strong = strong_waits(flight);
    flight->request.life_ms = engine->policy->lock_expire_ms;
    send(engine, flight, VERB_REFRESH);
}

void flight_acquire(struct engine *engine, struct flight *flight, bool take_over) {
    flight->state = FLIGHT_ACQUIRING;
    if (RULE(a_token_for_each_request, true) || flight->acquired == 0)
        take_token(engine, flight);
    flight->request.strong = strong_waits(flight);
    flight->request.seen = take_over ? slice_of_text(flight->lease) : slice_of(NULL, 0);
    flight->request.life_ms = engine->policy->lock_expire_ms;
    flight->request.bound_ms = engine->policy->delay_ms;
    flight->request.window_ms = engine->policy->stale_while_revalidate_ms;
    engine_disarm(engine, &flight->timer);
    send(engine, flight, VERB_ACQUIRE);
    flight->acquired = flight->asked;
}

void flight_release(struct engine *engine, struct flight *flight, enum release why) {
    const struct policy *policy = engine->policy;
    if (flight->direct || flight->lost || !RULE(failed_loads_give_the_lease_back, true))
        return;
    bool pauses = policy->retry_after_shared && !RULE(unused_leases_pause_nothing, why == RELEASE_UNUSED);
    flight->request.pause_ms = pauses ? policy->retry_after_ms : 0;
    flight->request.pause_max_ms = policy->retry_after_max_ms;
    flight->request.drops = why == RELEASE_REFUSED;
    send(engine, flight, VERB_RELEASE);
}

/* For whoever waits by now. */
static void peek(struct engine *engine, struct flight *flight, enum verb verb) {
    flight->request.strong = RULE(strong_waiters_read_the_primary, strong_waits(flight));
    send(engine, flight, verb);
}

/* A change of the key or, where the backend can't tell of one, a look now and then. */
static void check(struct engine *engine, struct flight *flight) {
    flight->state = FLIGHT_CHECKING;
    flight->changed = false;
    flight->request.timed = ttl_is_told(engine->policy);
    peek(engine, flight, engine->can_watch ? VERB_WATCH : VERB_PEEK);
}

static int64_t next_pause(const struct engine *engine, struct flight *flight) {
    flight->pause_ms = pause_after(flight->pause_ms, engine->policy->lock_sleep_ms);
    return flight->pause_ms;
}

static void wait_until(struct engine *engine, struct flight *flight, int64_t due_ms, int64_t now_ms) {
    int64_t end = flight->lease_end_ms > now_ms ? flight->lease_end_ms : now_ms + 1;
    flight->state = FLIGHT_WAITING;
    engine_arm(engine, &flight->timer, due_ms < end ? due_ms : end);
}

static bool update_lock(const struct flight *flight) {
    return strcmp(flight->lease, "10000000000") == 0;
}

/* Another has the lease.  One written by a clock ahead of the server's is trusted for lock_expire_max, no longer. */
static void wait_for_holder(struct engine *engine, struct flight *flight, int64_t now_ms) {
    const struct reply *reply = &flight->request.reply;
    engine->counters->leases_busy++;
    if (strcmp(flight->lease, reply->lease) != 0) {
        memcpy(flight->lease, reply->lease, sizeof flight->lease);
        flight->lease_seen_ms = now_ms;
    }
    int64_t remaining = reply->remaining_ms >= 0 ? reply->remaining_ms : engine->policy->lock_sleep_ms;
    flight->lease_end_ms = later(flight->request.sent_ms, remaining);
    if (!update_lock(flight)) {
        int64_t trusted = flight->lease_seen_ms + engine->policy->lock_expire_max_ms;
        if (!RULE(leases_of_others_are_trusted, now_ms < trusted)) {
            flight_acquire(engine, flight, true);
            return;
        }
        flight->lease_end_ms = flight->lease_end_ms < trusted ? flight->lease_end_ms : trusted;
    }
    if (flight_owes_stale(flight))
        flight_acquire(engine, flight, false);
    else if (list_empty(&flight->waiting)) /* kept a while: who comes meanwhile needs no script to be served stale */
        wait_until(engine, flight, now_ms + engine->policy->lock_sleep_ms, now_ms);
    else
        check(engine, flight);
}

static void note_stale(struct flight *flight) {
    const struct reply *reply = &flight->request.reply;
    bool shared = reply->value != NULL && !RULE(late_joiners_see_for_themselves, reply->lapsed);
    bool bounded = shared && reply->stale_ms >= 0;
    blob_drop(flight->stale);
    flight->stale = bounded ? blob_share(reply->value) : NULL;
    flight->stale_absent = reply->absent;
    flight->stale_until = bounded ? later(flight->request.sent_ms, reply->stale_ms) : 0;
}

/* One acquire less that the op's first load waits for. */
static void uncount(struct engine *engine, struct op *op, int64_t now_ms) {
    if (--op->acquiring == 0)
        load_hand_over(engine, op, now_ms);
}

static void deliver_fresh(struct engine *engine, struct flight *flight, int64_t now_ms) {
    const struct reply *reply = &flight->request.reply;
    struct blob *value = blob_share(reply->value);
    flight_deliver(engine, flight,
                   &(struct delivery){ .outcome = reply->absent ? RCACHE_ABSENT : RCACHE_HIT,
                                       .value = value,
                                       .eventual_before = flight->asked,
                                       .strong_before =
                                           RULE(strong_needs_an_epoch, reply->epoch_unknown) ? NONE : flight->asked },
                   now_ms);
    blob_drop(value);
}

static void fail_with_reply(struct engine *engine, struct flight *flight, int64_t now_ms) {
    const struct reply *reply = &flight->request.reply;
    if (flight_lacks_server(reply)) {
        flight_lose_server(engine, flight, reply, now_ms);
        return;
    }
    struct blob *message = blob_share(reply->message);
    flight_fail(engine, flight, reply->status, message != NULL ? message->data : "no memory for the reply", now_ms);
    blob_drop(message);
}

/* Who won is given its value at once, unless it is to load inline. */
static void refreshed(struct engine *engine, struct flight *flight, const struct op *asker, int64_t now_ms) {
    const struct reply *reply = &flight->request.reply;
    struct slot *slot = flight->initiator;
    if (reply->status == RCACHE_OK && reply->verdict == VERDICT_OWNED) {
        engine->counters->leases_owned++;
        engine->counters->early_refreshes++;
        flight->request.grant = flight->renewal.grant = reply->grant;
        if (slot != NULL && flight_loads_behind(slot))
            flight_hit(engine, slot);
        flight_won(engine, flight, now_ms);
        if (asker == NULL)
            flight_hand_over(engine, flight, now_ms);
    } else {
        engine->counters->early_busy++;
        if (slot != NULL)
            flight_hit(engine, slot);
        flight->initiator = NULL;
        flight_deliver(engine, flight, &(struct delivery){ 0 }, now_ms);
    }
}

static void acquired(struct engine *engine, struct flight *flight, const struct op *asker, int64_t now_ms) {
    const struct reply *reply = &flight->request.reply;
    if (reply->status != RCACHE_OK) {
        fail_with_reply(engine, flight, now_ms);
    } else if (reply->verdict == VERDICT_FRESH) {
        deliver_fresh(engine, flight, now_ms);
    } else if (reply->verdict == VERDICT_OWNED) {
        engine->counters->leases_owned++;
        flight->request.grant = flight->renewal.grant = reply->grant;
        note_stale(flight);
        if (RULE(leases_are_used, true)) /* before they leave with what is stale */
            flight_appoint(flight);
        flight_serve_stale(engine, flight, reply->value, reply->absent, now_ms);
        flight_won(engine, flight, now_ms);
        if (asker == NULL)
            flight_hand_over(engine, flight, now_ms);
    } else {
        note_stale(flight);
        flight_serve_stale(engine, flight, reply->value, reply->absent, now_ms);
        if (flight->initiator != NULL && flight->initiator->settled)
            flight->initiator = NULL;
        if (!reply->backed_off)
            wait_for_holder(engine, flight, now_ms);
        else if (strong_waits(flight))
            flight_acquire(engine, flight, false);
        else
            flight_pause(engine, flight, reply->remaining_ms, now_ms);
    }
}

/* Who asked sees to its loads once all its leases are answered for; where it is gone, whoever is left does at once. */
static void asked(struct engine *engine, struct flight *flight, int64_t now_ms) {
    struct op *asker = flight->counted ? op_hold(flight->initiator->op) : NULL;
    flight->counted = false;
    if (flight->state == FLIGHT_REFRESHING)
        refreshed(engine, flight, asker, now_ms);
    else
        acquired(engine, flight, asker, now_ms);
    if (asker == NULL)
        return;
    uncount(engine, asker, now_ms);
    op_drop(asker);
}

static void checked(struct engine *engine, struct flight *flight, int64_t now_ms) {
    const struct reply *reply = &flight->request.reply;
    bool watched = flight->request.verb == VERB_WATCH;
    if (reply->status != RCACHE_OK && !watched) {
        fail_with_reply(engine, flight, now_ms);
        return;
    }
    if (reply->status == RCACHE_E_UNAVAILABLE) { /* of this connection, or of the server? */
        peek(engine, flight, VERB_PEEK);
        return;
    }
    if (reply->status != RCACHE_OK) { /* no watch can be had now: as where there is none */
        wait_until(engine, flight, now_ms + next_pause(engine, flight), now_ms);
        return;
    }
    engine->counters->waits_polled++;
    if (reply->verdict == VERDICT_FRESH) {
        deliver_fresh(engine, flight, now_ms);
        return;
    }
    bool other_lease = strcmp(reply->lease, flight->lease) != 0;
    if (now_ms >= flight->lease_end_ms || other_lease || flight_owes_stale(flight))
        flight_acquire(engine, flight, false);
    else if (RULE(changes_meanwhile_count, flight->changed))
        check(engine, flight);
    else
        wait_until(engine, flight, watched ? INT64_MAX : now_ms + next_pause(engine, flight), now_ms);
}

static void put_done(struct engine *engine, struct flight *flight, int64_t now_ms) {
    const struct reply *reply = &flight->request.reply;
    if (reply->status == RCACHE_OK && reply->verdict == VERDICT_OUTDATED) {
        flight_outdated(engine, flight, now_ms);
        return;
    }
    struct delivery delivery = { .outcome = flight->answered_absent ? RCACHE_ABSENT : RCACHE_LOADED,
                                 .eventual_before = flight->loaded,
                                 .strong_before = RULE(strong_takes_what_is_stored, true) ? NONE : flight->loaded };
    bool past = flight_lacks_server(reply) && engine->policy->server_down == SERVER_DOWN_LOAD;
    if (past)
        delivery.strong_before = flight->loaded;
    else if (reply->status != RCACHE_OK)
        flight_fail_strong(engine, flight, reply->status,
                           reply->message != NULL ? reply->message->data : "no memory for the reply");
    if (reply->status == RCACHE_OK && reply->verdict == VERDICT_STORED) {
        engine->counters->loads_stored++;
        delivery.eventual_before = delivery.strong_before = flight->asked;
    } else {
        engine->counters->loads_lost++;
    }
    delivery.value = blob_share(flight->answer);
    flight_deliver(engine, flight, &delivery, now_ms);
    blob_drop(delivery.value);
}

/* A value that is not stored. */
static bool serves_strong(const struct engine *engine, const struct flight *flight) {
    const struct policy *policy = engine->policy;
    return flight->direct && (flight->past ? policy->server_down == SERVER_DOWN_LOAD : policy->disable_cache_read);
}

void flight_store(struct engine *engine, struct flight *flight, const struct load_answer *answer, int64_t now_ms) {
    struct blob *value = answer->value;
    bool absent = value == NULL;
    const struct policy *policy = engine->policy;
    int64_t load_ms = now_ms - flight->load->began_ms;
    flight->load = NULL;
    flight->initiator = NULL;
    setbacks_forget(&engine->setbacks, flight->node.key);
    flight->answer = blob_share(value);
    flight->answered_absent = absent;
    if (absent)
        engine->counters->loads_absent++;
    if (flight->direct || flight->lost) {
        if (flight->lost)
            engine->counters->loads_lost++;
        else
            engine->counters->loads_direct++;
        struct delivery delivery = { .outcome = absent ? RCACHE_ABSENT : RCACHE_LOADED,
                                     .value = blob_share(value),
                                     .eventual_before = flight->loaded,
                                     .strong_before = serves_strong(engine, flight) ? flight->loaded : NONE };
        flight_deliver(engine, flight, &delivery, now_ms);
        blob_drop(delivery.value);
        return;
    }
    flight->state = FLIGHT_PUTTING;
    ttl_give(&flight->request, absent ? policy->empty_expire_ms : ttl_jittered(answer->ttl_ms, policy, &engine->random),
             policy);
    flight->request.load_ms = !ttl_is_told(policy) ? 0 : load_ms > 0 ? load_ms : 1;
    flight->request.absent = absent;
    flight->request.version = answer->version;
    flight->request.settle_ms = policy->settle_ms;
    send(engine, flight, VERB_PUT);
    flight->request.value = blob_share(value);
}

void flight_reply(struct engine *engine, struct flight *flight, int64_t now_ms) {
    flight->under_way--;
    switch (flight->state) {
    case FLIGHT_REFRESHING:
    case FLIGHT_ACQUIRING:
        asked(engine, flight, now_ms);
        return;
    case FLIGHT_CHECKING:
        checked(engine, flight, now_ms);
        return;
    case FLIGHT_PUTTING:
        put_done(engine, flight, now_ms);
        return;
    case FLIGHT_OWNED:
    case FLIGHT_LOADING:
    case FLIGHT_WAITING:
    case FLIGHT_OVER:
        flight_settle(flight);
        return;
    }
}

void flight_timer(struct engine *engine, struct flight *flight, int64_t now_ms) {
    if (list_empty(&flight->waiting)) {
        flight_deliver(engine, flight, &(struct delivery){ 0 }, now_ms);
        return;
    }
    if (now_ms >= flight->lease_end_ms)
        flight_acquire(engine, flight, false);
    else
        check(engine, flight);
}

void flight_look(struct engine *engine, struct flight *flight) {
    if (flight->state == FLIGHT_CHECKING)
        flight->changed = true;
    if (flight->state != FLIGHT_WAITING || list_empty(&flight->waiting))
        return;
    engine->counters->waits_pushed++;
    engine_disarm(engine, &flight->timer);
    check(engine, flight);
}

void flight_renew(struct engine *engine, struct flight *flight) {
    if (flight->state != FLIGHT_LOADING || flight->direct || flight->lost || flight->renewing)
        return;
    flight->renewing = true;
    request_clear(&flight->renewal);
    flight->renewal.verb = VERB_RENEW;
    flight->renewal.life_ms = engine->policy->lock_expire_ms;
    flight->under_way++;
    engine_send(engine, &flight->renewal);
}

void flight_renewed(struct engine *engine, struct flight *flight) {
    const struct reply *reply = &flight->renewal.reply;
    flight->under_way--;
    flight->renewing = false;
    if (reply->status == RCACHE_OK && reply->verdict == VERDICT_OWNED)
        engine->counters->leases_renewed++;
    if (reply->status == RCACHE_OK && reply->verdict == VERDICT_LOST && !flight->lost) {
        flight->lost = true;
        if (flight->load != NULL)
            flight->load->wanted--;
    }
    flight_settle(flight);
}
