#include "engine/update.h"

#include "base/alloc.h"
#include "base/rule.h"
#include "resilicache.h"

static struct request *request_of(const struct op *op) {
    return (struct request *)&op->slots[0].request;
}

static void send(struct engine *engine, struct op *op, enum verb verb) {
    struct request *request = request_of(op);
    request_clear(request);
    request->verb = verb;
    request->replicas = verb == VERB_UNLOCK ? engine->policy->wait_replicas : 0;
    op_hold(op);
    engine_send(engine, request);
}

/* Two renewals may get lost before the lock ends. */
static int64_t next_ms(const struct load *load, int64_t now_ms) {
    int64_t third_ms = load->op->lease_ms / 3, ms = now_ms + (third_ms > 0 ? third_ms : 1);
    return ms < load->lease_end_ms ? ms : load->lease_end_ms;
}

/* As if the caller's answer were a failure; his lock, if there is one, ends by itself. */
static void fail(struct engine *engine, struct op *op, int32_t status, const char *what) {
    slot_fail(&op->slots[0], status, what);
    engine_wake(engine, op);
}

void update_begin(struct engine *engine, struct op *op, int64_t now_ms) {
    struct load *load = mem_alloc_zeroed(1, sizeof *load + sizeof load->items[0]);
    if (load == NULL) {
        fail(engine, op, RCACHE_E_NOMEM, "no memory for an update");
        send(engine, op, VERB_UNLOCK);
        return;
    }
    load->op = op_hold(op);
    load->timer.kind = TIMER_LOAD;
    load->began_ms = now_ms;
    load->wanted = 1;
    load->count = 1;
    load->lease_end_ms = request_of(op)->sent_ms + op->lease_ms;
    op->load = op->update = load;
    engine_arm(engine, &load->timer, next_ms(load, now_ms));
    engine_wake(engine, op);
}

static void lose(struct engine *engine, struct load *load) {
    if (load->wanted == 0)
        return;
    load->wanted = 0;
    load->op->tells_lost = !load->finished;
    engine_disarm(engine, &load->timer);
    engine_wake(engine, load->op);
}

void update_timer(struct engine *engine, struct load *load, int64_t now_ms) {
    if (now_ms >= load->lease_end_ms) {
        lose(engine, load);
        return;
    }
    bool dead = now_ms - load->began_ms >= engine->policy->lock_expire_max_ms;
    if (!dead && !load->renewing && RULE(locks_are_renewed, true)) {
        load->renewing = true;
        send(engine, load->op, VERB_RENEW);
    }
    engine_arm(engine, &load->timer, next_ms(load, now_ms));
}

void update_taken(struct engine *engine, struct op *op) {
    op->deadline_ms = INT64_MAX;
    engine_disarm(engine, &op->timer);
}

static void renewed(struct engine *engine, struct load *load, int64_t now_ms) {
    const struct request *request = request_of(load->op);
    load->renewing = false;
    if (request->reply.status == RCACHE_OK && request->reply.verdict == VERDICT_OWNED) {
        engine->counters->leases_renewed++;
        load->lease_end_ms = request->sent_ms + load->op->lease_ms;
    } else if (request->reply.status == RCACHE_OK) {
        lose(engine, load);
    }
    if (load->finished)
        send(engine, load->op, VERB_UNLOCK);
    else if (load->wanted > 0)
        engine_arm(engine, &load->timer, next_ms(load, now_ms));
}

/* An unlocking that was sent twice may have found what it did itself: rather a false alarm than none. */
static bool was_lost(const struct load *load, const struct request *request) {
    return load->wanted == 0 || request->reply.verdict == VERDICT_LOST || !request->reply.held;
}

static void settle(struct engine *engine, struct load *load) {
    struct slot *slot = &load->op->slots[0];
    struct reply *reply = &slot->request.reply;
    const struct load_item *item = &load->items[0];
    if (item->answer == ANSWER_FAILED || item->answer == ANSWER_REFUSED)
        slot_fail(slot, RCACHE_E_LOADER, item->value != NULL ? item->value->data : "the transaction failed");
    else if (reply->status != RCACHE_OK)
        slot_fail(slot, reply->status, reply->message != NULL ? reply->message->data : "no memory for the reply");
    else if (RULE(lost_locks_are_told, was_lost(load, &slot->request)))
        slot_fail(slot, RCACHE_E_LOST, "its lock had ended before the update did: another may have written since");
    else
        slot_settle(slot, RCACHE_DONE, RCACHE_OK, NULL, NULL);
    engine->counters->updates += slot->status == RCACHE_OK;
    engine->counters->updates_lost += slot->status == RCACHE_E_LOST;
    engine_wake(engine, load->op);
}

void update_reply(struct engine *engine, struct op *op, int64_t now_ms) {
    struct load *load = op->update;
    const struct request *request = request_of(op);
    if (request->verb == VERB_LOCK) { /* too late: given back, so that nobody waits for its end */
        bool owned = request->reply.status == RCACHE_OK && request->reply.verdict == VERDICT_OWNED;
        if (RULE(late_locks_are_given_back, owned))
            send(engine, op, VERB_UNLOCK);
        return;
    }
    if (load == NULL)
        return;
    if (request->verb == VERB_RENEW) {
        renewed(engine, load, now_ms);
        return;
    }
    op->update = NULL;
    if (!op->slots[0].settled)
        settle(engine, load);
    load_free(load);
}

void update_finish(struct engine *engine, struct load *load, int64_t now_ms) {
    struct op *op = load->op;
    engine_disarm(engine, &load->timer);
    load->finished = true;
    op->tells_lost = false;
    if (!op->slots[0].settled) {
        op->deadline_ms = now_ms + engine->policy->deadline_ms; /* whatever it took: for the unlocking */
        if (op->timed)
            engine_arm(engine, &op->timer, op->deadline_ms);
        else
            engine_wake(engine, op);
    }
    if (!load->renewing)
        send(engine, op, VERB_UNLOCK);
}
