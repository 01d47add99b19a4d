#include "backend/memory/verbs.h"

#include "backend/memory/inspect.h"
#include "base/rule.h"
#include "base/text.h"
#include "resilicache.h"

/* A lease's entry lives this much longer than the lease, so that the lease is seen to end. */
enum { LEASE_MARGIN_MS = 1000 };

/* One verb under way. */
struct act {
    struct store *store;
    struct request *request;
    struct entry *entry; /* NULL: none */
    int64_t now_ms;
};

static int64_t later(int64_t now_ms, int64_t span_ms) {
    return span_ms < TIME_NEVER - now_ms ? now_ms + span_ms : TIME_NEVER;
}

static int64_t earlier_of(int64_t a_ms, int64_t b_ms) {
    return a_ms < b_ms ? a_ms : b_ms;
}

/* ---- questions about the entry */

static bool over(const struct act *act) {
    return RULE(time_ends_freshness, act->entry->fresh_until_ms <= act->now_ms);
}

static bool fresh(const struct act *act) {
    return act->entry->lease == LEASE_NONE && act->entry->value != NULL && !over(act);
}

/* Its time is over, and nothing has invalidated it. */
static bool lapsed(const struct act *act) {
    const struct entry *entry = act->entry;
    return entry->value != NULL && over(act) && entry->serve_until_ms == TIME_NEVER && entry->lease != LEASE_VOID;
}

static bool owned(const struct act *act) {
    const struct entry *entry = act->entry;
    return entry != NULL && entry->owner != NULL && slice_equal(blob_slice(entry->owner), act->request->owner);
}

static bool locked_by_another(const struct act *act) {
    return act->entry != NULL && act->entry->lease == LEASE_LOCKED && !owned(act);
}

static void write_lease(const struct entry *entry, char text[LEASE_TEXT_MAX]) {
    char digits[TEXT_NUMBER_SIZE];
    const char *lease = "";
    switch (entry->lease) {
    case LEASE_NONE:
        break;
    case LEASE_VOID:
        lease = "0";
        break;
    case LEASE_UNTIL:
        lease = text_of_number(digits, entry->lease_until_ms);
        break;
    case LEASE_LOCKED:
        lease = "10000000000";
        break;
    }
    memcpy(text, lease, strlen(lease) + 1);
}

static bool seen(const struct act *act) {
    char text[LEASE_TEXT_MAX];
    write_lease(act->entry, text);
    return act->request->seen.size > 0 && slice_equal(slice_of_text(text), act->request->seen);
}

/* Whether the entry's lease keeps the asker from having one. */
static bool busy(const struct act *act) {
    const struct entry *entry = act->entry;
    if (entry == NULL || owned(act))
        return false;
    switch (entry->lease) {
    case LEASE_NONE:
    case LEASE_VOID:
        return false;
    case LEASE_UNTIL:
        if (entry->lease_until_ms <= act->now_ms || seen(act))
            return false;
        return RULE(leases_hold, entry->owner != NULL) || (!act->request->strong && entry->value != NULL);
    case LEASE_LOCKED:
        return RULE(locks_hold, true);
    }
    return false;
}

/* ---- parts of answers */

static void show_value(const struct act *act) {
    act->request->reply.value = blob_share(act->entry->value);
    act->request->reply.absent = act->entry->value != NULL && act->entry->absent;
}

static void show_stale(const struct act *act) {
    const struct entry *entry = act->entry;
    struct reply *reply = &act->request->reply;
    int64_t window_ends_ms = later(entry->fresh_until_ms, act->request->window_ms);
    if ((act->request->bound_ms <= 0 && !lapsed(act)) ||
        RULE(stale_values_end, entry->serve_until_ms <= act->now_ms) ||
        RULE(windows_end, window_ends_ms <= act->now_ms))
        return;
    show_value(act);
    int64_t ends_ms = earlier_of(entry->serve_until_ms, window_ends_ms);
    reply->stale_ms = ends_ms == TIME_NEVER ? -1 : ends_ms - act->now_ms;
    reply->lapsed = ends_ms < TIME_NEVER && entry->serve_until_ms == TIME_NEVER;
}

static enum verdict answer_busy(const struct act *act) {
    const struct entry *entry = act->entry;
    struct reply *reply = &act->request->reply;
    int64_t ends_ms = entry->lease == LEASE_LOCKED ? entry->expires_ms : entry->lease_until_ms;
    reply->remaining_ms = ends_ms == TIME_NEVER ? -1 : ends_ms - act->now_ms;
    write_lease(entry, reply->lease);
    return VERDICT_BUSY;
}

static enum verdict answer_no_memory(const struct act *act) {
    act->request->reply.status = RCACHE_E_NOMEM;
    return VERDICT_NONE;
}

static enum verdict answer_too_large(const struct act *act) {
    act->request->reply.status = RCACHE_E_LIMIT;
    act->request->reply.message = text_join("larger than memory_max_bytes allows", (const char *)NULL);
    return VERDICT_NONE;
}

/* ---- changes */

static void remove_entry(struct act *act) {
    if (act->entry != NULL)
        store_remove(act->store, act->entry);
    act->entry = NULL;
}

/* False for want of memory; nothing is changed then. */
static bool make_entry(struct act *act) {
    if (act->entry == NULL)
        act->entry = store_add(act->store, act->request->key);
    return act->entry != NULL;
}

static bool make_owned(struct act *act) {
    struct slice owner = act->request->owner;
    if (owned(act))
        return true;
    struct blob *copy = owner.size > 0 ? blob_copy(owner.data, owner.size) : NULL;
    if ((owner.size > 0 && copy == NULL) || !make_entry(act)) {
        blob_drop(copy);
        return false;
    }
    store_set_owner(act->store, act->entry, copy);
    return true;
}

static void end_lease(struct act *act, enum lease lease) {
    act->entry->lease = lease;
    if (RULE(ended_leases_have_no_owner, true))
        store_set_owner(act->store, act->entry, NULL);
}

static void put_value(struct act *act, bool absent, int64_t life_ms) {
    struct blob *value = act->request->value != NULL ? act->request->value : act->store->empty;
    store_set_value(act->store, act->entry, blob_share(value));
    act->entry->absent = absent;
    act->entry->fresh_until_ms = TIME_NEVER;
    act->entry->expires_ms = later(act->now_ms, life_ms);
}

static void put_fresh(struct act *act, int64_t life_ms) {
    put_value(act, act->request->absent, life_ms);
    if (act->request->fresh_ms > 0)
        act->entry->fresh_until_ms = later(act->now_ms, act->request->fresh_ms);
    end_lease(act, LEASE_NONE);
    act->entry->serve_until_ms = TIME_NEVER;
}

/* Only the first time counts: a further invalidation does not lengthen the life of what is stale. */
static void mark_unfresh(struct act *act) {
    struct entry *entry = act->entry;
    if (entry->value != NULL && !RULE(the_first_invalidation_counts, entry->serve_until_ms != TIME_NEVER))
        entry->serve_until_ms = later(act->now_ms, act->request->bound_ms);
}

static void remove_value(struct act *act) {
    store_set_value(act->store, act->entry, NULL);
    act->entry->fresh_until_ms = act->entry->serve_until_ms = TIME_NEVER;
}

static void extend_lease(struct act *act) {
    struct entry *entry = act->entry;
    int64_t life_ms = act->request->life_ms;
    int64_t expires_ms = later(act->now_ms, later(life_ms, LEASE_MARGIN_MS));
    entry->lease = LEASE_UNTIL;
    entry->lease_until_ms = later(act->now_ms, life_ms);
    if (RULE(leased_keys_end, entry->expires_ms == TIME_NEVER) || entry->expires_ms < expires_ms)
        entry->expires_ms = expires_ms;
}

static void invalidate(struct act *act) {
    struct entry *entry = act->entry;
    end_lease(act, LEASE_VOID);
    mark_unfresh(act);
    int64_t ends_ms = earlier_of(later(act->now_ms, act->request->bound_ms), entry->serve_until_ms);
    entry->expires_ms = earlier_of(entry->expires_ms, ends_ms);
}

/* ---- the verbs; an entry that they leave expired is removed behind them */

static enum verdict verb_peek(struct act *act) {
    if (act->entry == NULL)
        return VERDICT_MISS;
    struct reply *reply = &act->request->reply;
    show_value(act);
    reply->tells_end = reply->value != NULL && act->entry->fresh_until_ms != TIME_NEVER;
    reply->fresh_ms = reply->tells_end ? act->entry->fresh_until_ms - act->now_ms : 0;
    if (fresh(act))
        return VERDICT_FRESH;
    reply->lapsed = lapsed(act);
    write_lease(act->entry, reply->lease);
    return act->entry->value != NULL ? VERDICT_UNFRESH : VERDICT_MISS;
}

static enum verdict verb_acquire(struct act *act) {
    if (act->entry != NULL && fresh(act)) {
        show_value(act);
        return VERDICT_FRESH;
    }
    if (busy(act)) {
        show_stale(act);
        return answer_busy(act);
    }
    if (!store_fits(act->store, act->request->key, NULL))
        return answer_too_large(act);
    if (!make_owned(act))
        return answer_no_memory(act);
    bool keeps = RULE(lapsed_is_not_invalidated, lapsed(act));
    if (act->entry->lease != LEASE_LOCKED)
        extend_lease(act);
    if (!keeps)
        mark_unfresh(act);
    if (!keeps && (act->request->bound_ms <= 0 || RULE(stale_values_end, act->entry->serve_until_ms <= act->now_ms)))
        remove_value(act);
    show_stale(act);
    return VERDICT_OWNED;
}

static enum verdict verb_put(struct act *act) {
    if (act->entry == NULL || RULE(only_the_owner_stores, !owned(act)))
        return VERDICT_LOST;
    /* What is too large is not kept, which is no failure of the load. */
    bool fits = store_fits(act->store, act->request->key, act->request->value);
    put_fresh(act, fits ? act->request->life_ms : 0);
    return VERDICT_STORED;
}

static enum verdict verb_renew(struct act *act) {
    if (!owned(act))
        return VERDICT_LOST;
    if (act->entry->lease == LEASE_LOCKED)
        act->entry->expires_ms = later(act->now_ms, act->request->life_ms);
    else
        extend_lease(act);
    if (act->entry->serve_until_ms <= act->now_ms)
        remove_value(act);
    return VERDICT_OWNED;
}

static enum verdict verb_release(struct act *act) {
    if (!owned(act) || act->entry->lease == LEASE_LOCKED)
        return VERDICT_LOST;
    end_lease(act, RULE(failed_refreshes_change_nothing, lapsed(act)) ? LEASE_NONE : LEASE_VOID);
    return VERDICT_DONE;
}

static enum verdict verb_invalidate(struct act *act) {
    if (act->entry == NULL)
        return VERDICT_MISS;
    if (RULE(locks_survive_invalidations, act->entry->lease == LEASE_LOCKED))
        mark_unfresh(act);
    else
        invalidate(act);
    return VERDICT_DONE;
}

static enum verdict verb_lock(struct act *act) {
    if (RULE(one_lock_at_a_time, locked_by_another(act)))
        return answer_busy(act);
    if (!store_fits(act->store, act->request->key, NULL))
        return answer_too_large(act);
    if (!make_owned(act))
        return answer_no_memory(act);
    act->entry->lease = LEASE_LOCKED;
    act->entry->expires_ms = later(act->now_ms, act->request->life_ms);
    return VERDICT_OWNED;
}

static enum verdict verb_unlock(struct act *act) {
    if (locked_by_another(act))
        return VERDICT_LOST;
    if (act->entry != NULL && (owned(act) || RULE(unlock_always_invalidates, true)))
        invalidate(act);
    return VERDICT_DONE;
}

/* The end of a lock stays. */
static void put_raw(struct act *act) {
    int64_t ends_ms = act->entry->expires_ms;
    put_value(act, false, act->request->life_ms);
    if (act->entry->lease == LEASE_LOCKED && RULE(locks_end, true))
        act->entry->expires_ms = ends_ms;
}

static enum verdict verb_set(struct act *act) {
    if (!store_fits(act->store, act->request->key, act->request->value)) {
        remove_entry(act); /* the old value is not the truth any more */
        return answer_too_large(act);
    }
    if (!make_entry(act))
        return answer_no_memory(act);
    if (act->request->verb == VERB_RAW_SET)
        put_raw(act);
    else
        put_fresh(act, act->request->life_ms);
    return VERDICT_DONE;
}

static enum verdict verb_get(struct act *act) {
    if (act->entry == NULL || act->entry->value == NULL)
        return VERDICT_MISS;
    show_value(act);
    return VERDICT_FRESH;
}

static enum verdict verb_delete(struct act *act) {
    if (act->entry == NULL)
        return VERDICT_MISS;
    remove_entry(act);
    return VERDICT_DONE;
}

static enum verdict verb_inspect(struct act *act) {
    if (act->entry == NULL)
        return VERDICT_MISS;
    act->request->reply.value = inspect_entry(act->entry, act->now_ms);
    return act->request->reply.value != NULL ? VERDICT_FRESH : answer_no_memory(act);
}

static enum verdict verb_execute(struct act *act) {
    switch (act->request->verb) {
    case VERB_PEEK:
    case VERB_WATCH: return verb_peek(act);
    case VERB_ACQUIRE: return verb_acquire(act);
    case VERB_PUT: return verb_put(act);
    case VERB_RENEW: return verb_renew(act);
    case VERB_RELEASE: return verb_release(act);
    case VERB_INVALIDATE: return verb_invalidate(act);
    case VERB_LOCK: return verb_lock(act);
    case VERB_UNLOCK: return verb_unlock(act);
    case VERB_SET:
    case VERB_RAW_SET: return verb_set(act);
    case VERB_GET: return verb_get(act);
    case VERB_DELETE: return verb_delete(act);
    case VERB_INSPECT: return verb_inspect(act);
    case VERB_WHERE: return VERDICT_NONE; /* nothing is elsewhere */
    case VERB_PING: return VERDICT_DONE;
    }
    return VERDICT_NONE;
}

void verbs_execute(struct store *store, struct request *request, int64_t now_ms) {
    struct act act = { store, request, store_find(store, request->key, now_ms), now_ms };
    request->reply = (struct reply){ .status = RCACHE_OK };
    request->reply.verdict = verb_execute(&act);
    if (!verb_changes(request->verb))
        return;
    if (act.entry != NULL && entry_expired(act.entry, now_ms))
        remove_entry(&act);
    store_sweep(store, now_ms);
}
