/* What each verb does to an entry.  All in one file: the verbs share the changes that they are made of. */
#include "backend/memory/verbs.h"

#include "backend/memory/act.h"
#include "backend/memory/inspect.h"
#include "base/rule.h"
#include "resilicache.h"

/* A lease's entry lives this much longer than the lease, so that the lease is seen to end. */
enum { LEASE_MARGIN_MS = 1000 };

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
    if (act_is_owned(act))
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
    act->entry->failures = 0;
    act->entry->load_ms = act->entry->refresh_until_ms = 0;
    act->entry->fresh_until_ms = TIME_NEVER;
    act->entry->expires_ms = time_later(act->now_ms, life_ms);
}

static void put_fresh(struct act *act, int64_t life_ms) {
    put_value(act, act->request->absent, life_ms);
    act->entry->load_ms = act->request->load_ms;
    if (act->request->version > 0 || act->request->verb == VERB_SET)
        act->entry->version = act->request->version;
    act->entry->settle_until_ms = 0;
    if (act->request->fresh_ms > 0)
        act->entry->fresh_until_ms = time_later(act->now_ms, act->request->fresh_ms);
    end_lease(act, LEASE_NONE);
    act->entry->serve_until_ms = TIME_NEVER;
}

/* Only the first time counts: a further invalidation does not lengthen the life of what is stale. */
static void mark_unfresh(struct act *act) {
    struct entry *entry = act->entry;
    if (entry->value != NULL && !RULE(the_first_invalidation_counts, entry->serve_until_ms != TIME_NEVER))
        entry->serve_until_ms = time_later(act->now_ms, act->request->bound_ms);
}

static void remove_value(struct act *act) {
    if (act->entry->value == NULL)
        return;
    store_set_value(act->store, act->entry, NULL);
    act->entry->failures = 0;
    act->entry->load_ms = act->entry->refresh_until_ms = 0;
    act->entry->fresh_until_ms = act->entry->serve_until_ms = TIME_NEVER;
}

static void live_at_least(struct act *act, int64_t life_ms) {
    struct entry *entry = act->entry;
    int64_t expires_ms = time_later(act->now_ms, life_ms);
    if (RULE(leased_keys_end, entry->expires_ms == TIME_NEVER) || entry->expires_ms < expires_ms)
        entry->expires_ms = expires_ms;
}

static void extend_lease(struct act *act) {
    act->entry->lease = LEASE_UNTIL;
    act->entry->lease_until_ms = time_later(act->now_ms, act->request->life_ms);
    live_at_least(act, time_later(act->request->life_ms, LEASE_MARGIN_MS));
}

/* Twice as long each time. */
static int64_t pause_of(const struct act *act, uint32_t failures) {
    int64_t pause_ms = act->request->pause_ms, longest_ms = act->request->pause_max_ms;
    for (uint32_t i = 0; i < failures && pause_ms < longest_ms; i++)
        pause_ms = RULE(pauses_grow, true) ? 2 * pause_ms : pause_ms;
    return time_earlier(pause_ms, longest_ms);
}

/* In vain: the value is as fresh as before, and not refreshed for a while. */
static void end_refresh(struct act *act) {
    int64_t pause_ms = pause_of(act, act->entry->failures);
    store_set_owner(act->store, act->entry, NULL);
    act->entry->refresh_until_ms = pause_ms > 0 ? time_later(act->now_ms, pause_ms) : 0;
    act->entry->failures += pause_ms > 0;
}

/* Nobody's lease; the entry lives on for as long again, so that the count isn't lost. */
static void back_off(struct act *act, uint32_t failures) {
    int64_t pause_ms = pause_of(act, failures);
    act->entry->failures = failures + 1;
    end_lease(act, LEASE_UNTIL);
    int64_t ended_ms = act->entry->lease_until_ms, until_ms = time_later(act->now_ms, pause_ms);
    act->entry->lease_until_ms = until_ms != ended_ms ? until_ms : until_ms + 1; /* who waits for that one can tell */
    live_at_least(act, 2 * pause_ms);
}

static void invalidate(struct act *act) {
    struct entry *entry = act->entry;
    end_lease(act, LEASE_VOID);
    mark_unfresh(act);
    int64_t ends_ms = time_earlier(time_later(act->now_ms, act->request->bound_ms), entry->serve_until_ms);
    entry->expires_ms = time_earlier(entry->expires_ms, ends_ms);
}

/* By what an invalidation or another value has told. */
static bool is_outdated(const struct act *act) {
    int64_t version = act->request->version;
    return act->entry != NULL && RULE(versions_only_grow, version > 0 && version < act->entry->version);
}

static void note_version(struct act *act) {
    if (act->request->version > act->entry->version)
        act->entry->version = act->request->version;
}

static bool remembers(const struct act *act) {
    bool versioned = act->request->version > 0 || (act->entry != NULL && act->entry->version > 0);
    return versioned || act->request->settle_ms > 0;
}

/* The newest version for bound_ms at least, and for settle_ms that it was invalidated.  A lock still ends when its
 * holder said; the value is served no longer for that. */
static void remember(struct act *act) {
    struct entry *entry = act->entry;
    int64_t settle_ms = act->request->settle_ms;
    note_version(act);
    int64_t bound_ms = entry->version > 0 ? act->request->bound_ms : 0;
    if (settle_ms > 0 && entry->settle_until_ms < time_later(act->now_ms, settle_ms))
        entry->settle_until_ms = time_later(act->now_ms, settle_ms);
    if (entry->lease == LEASE_LOCKED)
        return;
    if (entry_expired(entry, act->now_ms)) {
        remove_value(act);
        entry->failures = 0;
    }
    if (entry->value != NULL)
        entry->serve_until_ms = entry->expires_ms;
    live_at_least(act, bound_ms > settle_ms ? bound_ms : settle_ms);
}

/* For a load that begins now. */
static void note_settled(struct act *act) {
    if (act->entry->settle_until_ms <= act->now_ms)
        act->entry->settle_until_ms = 0;
}

/* ---- the verbs; an entry that they leave expired is removed behind them */

static enum verdict verb_peek(struct act *act) {
    if (act->entry == NULL)
        return VERDICT_MISS;
    struct reply *reply = &act->request->reply;
    act_show_copy(act);
    reply->tells_end = reply->value != NULL && act->entry->fresh_until_ms != TIME_NEVER;
    reply->fresh_ms = reply->tells_end ? act->entry->fresh_until_ms - act->now_ms : 0;
    reply->load_ms = act->entry->load_ms;
    if (act_is_fresh(act)) {
        bool clocked = act->request->timed || reply->tells_end;
        reply->refreshing = clocked && act->entry->refresh_until_ms > act->now_ms;
        return VERDICT_FRESH;
    }
    reply->lapsed = act_is_lapsed(act);
    act_write_lease(act->entry, reply->lease);
    return act->entry->value != NULL ? VERDICT_UNFRESH : VERDICT_MISS;
}

static enum verdict verb_acquire(struct act *act) {
    if (act->entry != NULL && act_is_fresh(act)) {
        act_show_value(act);
        return VERDICT_FRESH;
    }
    if (act_is_busy(act)) {
        act_show_stale(act);
        return act_answer_busy(act);
    }
    if (!store_fits(act->store, act->request->key, NULL))
        return act_answer_too_large(act);
    if (!make_owned(act))
        return act_answer_no_memory(act);
    note_settled(act);
    bool keeps = RULE(lapsed_is_not_invalidated, act_is_lapsed(act));
    if (act->entry->lease != LEASE_LOCKED)
        extend_lease(act);
    if (!keeps)
        mark_unfresh(act);
    if (!keeps && (act->request->bound_ms <= 0 || RULE(stale_values_end, act->entry->serve_until_ms <= act->now_ms)))
        remove_value(act);
    act_show_stale(act);
    return VERDICT_OWNED;
}

/* The value stays fresh: nobody waits for who refreshes it. */
static enum verdict verb_refresh(struct act *act) {
    if (act->entry == NULL || !act_is_fresh(act))
        return VERDICT_LOST;
    if (!act_is_owned(act) && RULE(one_refreshes, act->entry->refresh_until_ms > act->now_ms)) {
        act->request->reply.remaining_ms = act->entry->refresh_until_ms - act->now_ms;
        return VERDICT_BUSY;
    }
    if (!make_owned(act))
        return act_answer_no_memory(act);
    note_settled(act);
    act->entry->refresh_until_ms = time_later(act->now_ms, act->request->life_ms);
    return VERDICT_OWNED;
}

static enum verdict verb_put(struct act *act) {
    if (act->entry == NULL || RULE(only_the_owner_stores, !act_is_owned(act)))
        return VERDICT_LOST;
    if (is_outdated(act))
        return VERDICT_OUTDATED;
    /* What is too large is not kept, which is no failure of the load. */
    bool fits = store_fits(act->store, act->request->key, act->request->value);
    int64_t life_ms = fits ? act->request->life_ms : 0, settle_ms = act->request->settle_ms;
    int64_t settle_until_ms = act->request->version == 0 && settle_ms > 0 ? act->entry->settle_until_ms : 0;
    bool is_doubtful = RULE(doubtful_fills_end_soon, settle_until_ms > 0);
    put_fresh(act, is_doubtful ? time_earlier(life_ms, settle_ms) : life_ms);
    act->entry->settle_until_ms = settle_until_ms;
    return VERDICT_STORED;
}

static enum verdict verb_renew(struct act *act) {
    if (!act_is_owned(act))
        return VERDICT_LOST;
    if (act->entry->lease == LEASE_LOCKED)
        act->entry->expires_ms = time_later(act->now_ms, act->request->life_ms);
    else if (act->entry->lease == LEASE_NONE)
        act->entry->refresh_until_ms = time_later(act->now_ms, act->request->life_ms);
    else
        extend_lease(act);
    if (act->entry->serve_until_ms <= act->now_ms)
        remove_value(act);
    return VERDICT_OWNED;
}

static enum verdict verb_release(struct act *act) {
    if (!act_is_owned(act) || act->entry->lease == LEASE_LOCKED)
        return VERDICT_LOST;
    uint32_t failures = act->entry->failures;
    if (act->request->drops)
        remove_value(act);
    if (act_is_fresh(act))
        end_refresh(act);
    else if (act->request->pause_ms > 0)
        back_off(act, failures);
    else
        end_lease(act, RULE(failed_refreshes_change_nothing, act_is_lapsed(act)) ? LEASE_NONE : LEASE_VOID);
    return VERDICT_DONE;
}

/* Nothing but what is to be remembered. */
static enum verdict make_tombstone(struct act *act) {
    if (!make_entry(act))
        return act_answer_no_memory(act);
    act->entry->lease = LEASE_VOID;
    act->entry->expires_ms = act->now_ms;
    remember(act);
    return VERDICT_DONE;
}

static enum verdict verb_invalidate(struct act *act) {
    if (act->entry == NULL)
        return remembers(act) ? make_tombstone(act) : VERDICT_MISS;
    if (RULE(locks_survive_invalidations, act->entry->lease == LEASE_LOCKED))
        mark_unfresh(act);
    else
        invalidate(act);
    if (remembers(act))
        remember(act);
    return VERDICT_DONE;
}

static void take_fence(struct act *act) {
    struct store *store = act->store;
    int64_t now_us = act->now_ms * 1000 + store->day_us;
    store->fence = RULE(fences_rise, store->fence >= now_us) ? store->fence + 1 : now_us;
    act->request->reply.fence = store->fence;
}

static enum verdict verb_lock(struct act *act) {
    if (RULE(one_lock_at_a_time, act_is_locked_by_another(act)))
        return act_answer_busy(act);
    if (!store_fits(act->store, act->request->key, NULL))
        return act_answer_too_large(act);
    if (!make_owned(act))
        return act_answer_no_memory(act);
    act->entry->lease = LEASE_LOCKED;
    act->entry->expires_ms = time_later(act->now_ms, act->request->life_ms);
    if (RULE(intents_take_the_value, act->request->intent))
        remove_value(act);
    take_fence(act);
    return VERDICT_OWNED;
}

static enum verdict verb_unlock(struct act *act) {
    if (act_is_locked_by_another(act))
        return VERDICT_LOST;
    act->request->reply.held = act->entry != NULL && act->entry->lease == LEASE_LOCKED;
    if (act->entry == NULL)
        return remembers(act) ? make_tombstone(act) : VERDICT_DONE;
    if (act_is_owned(act) || RULE(unlock_always_invalidates, true))
        invalidate(act);
    if (remembers(act))
        remember(act);
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
    if (act->request->verb == VERB_SET && is_outdated(act))
        return VERDICT_OUTDATED;
    if (!store_fits(act->store, act->request->key, act->request->value)) {
        remove_entry(act); /* the old value is not the truth any more */
        return act_answer_too_large(act);
    }
    if (!make_entry(act))
        return act_answer_no_memory(act);
    if (act->request->verb == VERB_RAW_SET)
        put_raw(act);
    else
        put_fresh(act, act->request->life_ms);
    return VERDICT_DONE;
}

static enum verdict verb_get(struct act *act) {
    if (act->entry == NULL || act->entry->value == NULL)
        return VERDICT_MISS;
    act_show_copy(act);
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
    return act->request->reply.value != NULL ? VERDICT_FRESH : act_answer_no_memory(act);
}

static enum verdict verb_execute(struct act *act) {
    switch (act->request->verb) {
    case VERB_PEEK:
    case VERB_WATCH: return verb_peek(act);
    case VERB_ACQUIRE: return verb_acquire(act);
    case VERB_REFRESH: return verb_refresh(act);
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

void verbs_execute(struct store *store, struct request *request, uint64_t hash, int64_t now_ms) {
    bool changes = verb_changes(request->verb);
    struct entry *entry = changes ? store_find_hashed(store, request->key, hash, now_ms)
                                  : store_read(store, request->key, hash, now_ms);
    struct act act = { store, request, entry, now_ms };
    request->reply = (struct reply){ .status = RCACHE_OK };
    request->reply.verdict = verb_execute(&act);
    if (!changes)
        return;
    if (act.entry != NULL && entry_expired(act.entry, now_ms))
        remove_entry(&act);
    store_sweep(store, now_ms);
}
