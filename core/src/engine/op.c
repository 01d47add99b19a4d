#include "engine/op.h"

#include "base/alloc.h"
#include "base/random.h"
#include "base/rule.h"
#include "base/text.h"
#include "engine/ttl.h"
#include "resilicache.h"

struct op *op_new(enum op_kind kind, struct slice prefix, const char *keys, const uint32_t *key_sizes, size_t count,
                  struct slice owner, size_t driver_size) {
    size_t fixed = offsetof(struct op, slots) + count * sizeof(struct slot) + driver_size;
    size_t bytes = owner.size;
    for (size_t i = 0; i < count; i++)
        bytes += prefix.size + key_sizes[i];
    struct op *op = mem_alloc(fixed + bytes);
    if (op == NULL)
        return NULL;
    memset(op, 0, fixed);
    op->kind = kind;
    op->prefix_size = prefix.size;
    op->count = op->unsettled = count;
    op->timer.kind = TIMER_OP;
    list_init(&op->owned);
    list_init(&op->behind);
    list_init(&op->awake);
    op->driver = &op->slots[count];
    char *at = (char *)op + fixed;
    for (size_t i = 0; i < count; i++) {
        struct slot *slot = &op->slots[i];
        slot->op = op;
        slot->timer.kind = TIMER_SLOT;
        list_init(&slot->waiting);
        list_init(&slot->request.node);
        list_init(&slot->request.followers);
        slot->request.reply_for = FOR_SLOT;
        slot->request.target = slot;
        slot->request.key = slice_of(at, prefix.size + key_sizes[i]);
        if (prefix.size > 0)
            memcpy(at, prefix.data, prefix.size);
        if (key_sizes[i] > 0)
            memcpy(at + prefix.size, keys, key_sizes[i]);
        at += slot->request.key.size;
        keys += key_sizes[i];
    }
    if (owner.size > 0)
        memcpy(at, owner.data, owner.size);
    op->owner = slice_of(at, owner.size);
    return op;
}

struct op *op_hold(struct op *op) {
    op->owners++;
    return op;
}

/* Where there is no other, there can't come one. */
static bool is_last(struct op *op) {
    return op->owners == 0 || op->owners-- == 0;
}

void op_drop(struct op *op) {
    if (!is_last(op))
        return;
    for (size_t i = 0; i < op->count; i++) {
        struct slot *slot = &op->slots[i];
        request_drop(&slot->request);
        blob_drop(slot->stale);
        blob_drop(slot->value);
        blob_drop(slot->message);
    }
    mem_free(op);
}

struct slice op_key(const struct op *op, size_t index) {
    struct slice key = op->slots[index].request.key;
    return slice_of(key.data + op->prefix_size, key.size - op->prefix_size);
}

static enum verb first_verb(const struct op *op) {
    switch (op->kind) {
    case OP_FETCH: return VERB_PEEK;
    case OP_GET: return VERB_GET;
    case OP_SET: return op->raw ? VERB_RAW_SET : VERB_SET;
    case OP_INVALIDATE: return VERB_INVALIDATE;
    case OP_DELETE: return VERB_DELETE;
    case OP_LOCK:
    case OP_UPDATE: return VERB_LOCK;
    case OP_RENEW: return VERB_RENEW;
    case OP_UNLOCK: return VERB_UNLOCK;
    case OP_INSPECT: return VERB_INSPECT;
    }
    return VERB_PEEK;
}

bool op_prepare(struct op *op, const struct policy *policy, struct random *random) {
    if (op->kind == OP_FETCH && policy->disable_cache_read)
        return false;
    if (op->kind == OP_INVALIDATE && policy->disable_cache_delete) {
        for (size_t i = 0; i < op->count; i++)
            slot_settle(&op->slots[i], RCACHE_DONE, RCACHE_OK, NULL, NULL);
        return false;
    }
    op->may_load_past = op->kind == OP_FETCH && (policy->server_down == SERVER_DOWN_LOAD ||
                                                 (policy->server_down == SERVER_DOWN_EVENTUAL && !op->strong));
    op->early_ms = policy->early > 0 ? (int64_t)((1 - policy->early) * (double)op->ttl_ms) : 0;
    bool confirmed = op->kind == OP_INVALIDATE || op->kind == OP_UNLOCK;
    for (size_t i = 0; i < op->count; i++) {
        struct request *request = &op->slots[i].request;
        request->verb = first_verb(op);
        request->route = op->route;
        request->owner = op->owner;
        request->strong = op->strong;
        request->shared = op->kind == OP_FETCH;
        request->timed = op->kind == OP_FETCH && ttl_is_told(policy);
        if (policy->xfetch_beta > 0)
            op->slots[i].luck = policy->xfetch_beta * random_exponential(random);
        request->life_ms = op->lease_ms;
        if (op->kind == OP_SET)
            ttl_give(request, ttl_jittered(op->ttl_ms, policy, random), policy);
        request->bound_ms = policy->delay_ms;
        request->version = op->version;
        request->settle_ms = policy->settle_ms;
        request->intent = op->intent;
        request->replicas = confirmed ? policy->wait_replicas : 0;
        request->replicas_ms = policy->wait_replicas_timeout_ms;
    }
    return op->count > 0;
}

bool op_settle(struct op *op, struct counters *counters) {
    for (size_t i = 0; i < op->count; i++)
        if (!op->slots[i].settled)
            slot_take_reply(&op->slots[i], counters);
    return op->unsettled == 0;
}

/* Who brings the last reply and who leaves may do so at the same time: one of them sees what the other did. */
enum arrival op_arrive(struct op *op) {
    if (op->shared || op->pending == OP_LEFT)
        return ARRIVAL_OF_ENGINE;
    size_t left = --op->pending;
    return left >= OP_LEFT ? ARRIVAL_OF_ENGINE : left == 0 ? ARRIVAL_LAST : ARRIVAL_FIRST;
}

bool op_leave(struct op *op) {
    return (op->pending += OP_LEFT) == OP_LEFT;
}

void slot_settle(struct slot *slot, int32_t outcome, int32_t status, struct blob *value, struct blob *message) {
    slot->settled = true;
    slot->outcome = outcome;
    slot->status = status;
    slot->value = value;
    slot->message = message;
    slot->op->unsettled--;
}

void slot_fail(struct slot *slot, int32_t status, const char *what) {
    struct blob *key = text_of_key(op_key(slot->op, (size_t)(slot - slot->op->slots)));
    struct blob *message = text_join("'", key != NULL ? key->data : "?", "': ", what, (const char *)NULL);
    blob_drop(key);
    slot_settle(slot, RCACHE_FAILED, status, NULL, message);
}

/* The value changes hands. */
static struct blob *take_value(struct reply *reply) {
    struct blob *value = reply->value;
    reply->value = NULL;
    return value;
}

static bool take_failure(struct slot *slot, struct reply *reply) {
    slot_fail(slot, reply->status, reply->message != NULL ? reply->message->data : "no memory for the reply");
    return true;
}

void slot_hit(struct slot *slot) {
    struct reply *reply = &slot->request.reply;
    if (reply->absent)
        slot_settle(slot, RCACHE_ABSENT, RCACHE_OK, NULL, NULL);
    else
        slot_settle(slot, RCACHE_HIT, RCACHE_OK, take_value(reply), NULL);
}

/* By a threshold, or by chance, the more likely the nearer the end and the longer a load takes (Vattani et al. 2015,
 * "Optimal Probabilistic Cache Stampede Prevention"). */
static bool is_early(const struct slot *slot, const struct reply *reply) {
    if (!reply->tells_end || reply->refreshing)
        return false;
    return reply->fresh_ms <= slot->op->early_ms || (double)reply->fresh_ms <= (double)reply->load_ms * slot->luck;
}

static bool take_fetched(struct slot *slot, struct reply *reply, struct counters *counters) {
    bool doubtful = RULE(strong_needs_an_epoch, slot->op->strong && reply->epoch_unknown);
    bool fresh = reply->verdict == VERDICT_FRESH && !doubtful;
    if (!fresh) {
        counters->misses++;
        return false;
    }
    counters->hits++;
    slot->early = is_early(slot, reply);
    if (slot->early)
        return false;
    slot_hit(slot);
    return true;
}

/* Its fence is the value, too, as a text: some languages have no numbers that large. */
static void take_lock(struct slot *slot, int64_t fence) {
    char digits[TEXT_NUMBER_SIZE];
    struct blob *text = text_join(text_of_number(digits, fence), (const char *)NULL);
    slot->fence = fence;
    if (text != NULL)
        slot_settle(slot, RCACHE_DONE, RCACHE_OK, text, NULL);
    else
        slot_fail(slot, RCACHE_E_NOMEM, "locked, but there is no memory for its fence");
}

static bool take_locked(struct slot *slot, const struct reply *reply, struct counters *counters) {
    if (reply->verdict == VERDICT_OWNED && slot->op->kind == OP_LOCK) {
        counters->locks++;
        take_lock(slot, reply->fence);
        return true;
    }
    if (reply->verdict == VERDICT_OWNED) {
        slot_settle(slot, RCACHE_DONE, RCACHE_OK, NULL, NULL);
        return true;
    }
    if (slot->op->kind == OP_LOCK && slot->op->wait)
        return false;
    counters->locks_busy += slot->op->kind == OP_LOCK;
    slot_fail(slot, RCACHE_E_LOST, slot->op->kind == OP_LOCK ? "locked for update by another owner"
                                                              : "the lock had ended, or another owner holds it");
    return true;
}

bool slot_take_reply(struct slot *slot, struct counters *counters) {
    struct reply *reply = &slot->request.reply;
    if (reply->status == RCACHE_E_UNAVAILABLE && slot->op->may_load_past)
        return false;
    if (reply->status != RCACHE_OK)
        return take_failure(slot, reply);
    switch (slot->op->kind) {
    case OP_FETCH:
        return take_fetched(slot, reply, counters);
    case OP_LOCK:
    case OP_RENEW:
        return take_locked(slot, reply, counters);
    case OP_UPDATE: /* it goes on, or waits */
        slot->fence = reply->verdict == VERDICT_OWNED ? reply->fence : 0;
        return false;
    case OP_GET:
    case OP_INSPECT:
        if (reply->verdict == VERDICT_MISS || (reply->absent && !slot->op->raw && slot->op->kind == OP_GET))
            slot_settle(slot, RCACHE_ABSENT, RCACHE_OK, NULL, NULL);
        else
            slot_settle(slot, RCACHE_HIT, RCACHE_OK, take_value(reply), NULL);
        return true;
    case OP_DELETE:
        slot_settle(slot, reply->verdict == VERDICT_MISS ? RCACHE_ABSENT : RCACHE_DONE, RCACHE_OK, NULL, NULL);
        return true;
    case OP_UNLOCK:
        if (reply->verdict == VERDICT_LOST) {
            slot_fail(slot, RCACHE_E_LOST, "another writer has locked it by now, and will invalidate it");
            return true;
        }
        slot_settle(slot, RCACHE_DONE, RCACHE_OK, NULL, NULL);
        return true;
    case OP_INVALIDATE:
        counters->invalidations++;
        slot_settle(slot, RCACHE_DONE, RCACHE_OK, NULL, NULL);
        return true;
    case OP_SET:
        if (reply->verdict == VERDICT_OUTDATED) {
            counters->sets_outdated++;
            slot_fail(slot, RCACHE_E_OUTDATED, "a newer version is known, and this one was not stored");
            return true;
        }
        slot_settle(slot, RCACHE_DONE, RCACHE_OK, NULL, NULL);
        return true;
    }
    return true;
}
