#include "record.h"

#include "resilicache.h"
#include "version.h"
#include "world.h"

#include <string.h>

/* One command and what it came to. */
struct note {
    struct world *world;
    struct message *message;
    struct record *record;
    const struct entry *entry;
    int64_t now_ms;
};

static struct request *request_in(const struct note *note) {
    return &note->message->request;
}

void record_forget(struct world *world, struct record *record) {
    bool was = record->valued || record->holder.size > 0;
    *record = (struct record){ .voided = record->voided, .settled_us = was ? world->now_us : record->settled_us };
}

static bool holds(const struct record *record, struct slice owner) {
    return record->holder.size > 0 && slice_equal(slice_of(record->holder.owner, record->holder.size), owner);
}

static void drop_holder(struct record *record) {
    record->holder = (struct holder){ 0 };
}

/* ---- pauses after loads that failed ---- */

/* Twice as long as the last, which is remembered as long as the entry is. */
static void begin_pause(const struct note *note, bool refresh) {
    struct record *record = note->record;
    const struct request *request = request_in(note);
    int64_t twice_ms = 2 * record->paused_ms > request->pause_ms ? 2 * record->paused_ms : request->pause_ms;
    record->paused_ms = twice_ms < request->pause_max_ms ? twice_ms : request->pause_max_ms;
    if (refresh)
        record->unrefreshed_until_ms = note->now_ms + record->paused_ms;
    else
        record->paused_until_ms = note->now_ms + record->paused_ms;
}

static void check_pause(const struct note *note) {
    const struct record *record = note->record;
    const struct request *request = request_in(note);
    bool paused = record->paused_until_ms >= note->now_ms;
    bool owned = request->reply.verdict == VERDICT_OWNED, backed_off = request->reply.backed_off;
    int64_t left_ms = record->paused_until_ms - note->now_ms;
    if (left_ms > 0 && owned && !request->strong && request->seen.size == 0)
        world_violate(note->world, "pauses: k%u was leased to an eventual caller, %lld ms too early",
                      note->message->key, (long long)left_ms);
    else if (backed_off && (!paused || request->strong || request->reply.remaining_ms - left_ms > 1))
        world_violate(note->world, "pauses: k%u is said to be paused for %lld ms", note->message->key,
                      (long long)request->reply.remaining_ms);
}

static void take_holder(const struct note *note, bool lock) {
    struct record *record = note->record;
    struct slice owner = request_in(note)->owner;
    bool relocks = lock && record->holder.lock && holds(record, owner);
    uint32_t number = relocks ? record->holder.number : lock ? ++note->world->server.locks : 0;
    record->holder = (struct holder){ .size = owner.size, .lock = lock, .number = number,
                                      .refresh = request_in(note)->verb == VERB_REFRESH,
                                      .unwanted = lock && check_is_given_up(note->world, note->message),
                                      .until_ms = note->now_ms + request_in(note)->life_ms,
                                      .since_us = note->world->now_us };
    memcpy(record->holder.owner, owner.data, owner.size);
}

static struct source *source_in(const struct note *note) {
    return note->record->source > 0 ? &note->world->check.sources[note->record->source - 1] : NULL;
}

/* The value, if there is one, is not fresh from now on. */
static void mark(const struct note *note) {
    struct record *record = note->record;
    if (!record->valued || record->marked)
        return;
    record->marked = true;
    record->marked_us = note->world->now_us > 0 ? note->world->now_us : 1;
    record->marked_ms = note->now_ms;
    record->served_until_ms = INT64_MAX;
    struct source *source = source_in(note);
    if (source != NULL)
        source->marked_us = record->marked_us;
}

/* Its time is over, and nothing has invalidated it. */
static bool has_lapsed(const struct note *note) {
    const struct record *record = note->record;
    return record->valued && !record->marked && record->fresh_until_ms <= note->now_ms &&
           server_knows_epoch(note->message, record);
}

/* What the entry has no value of any more. */
static void look_for_value(const struct note *note) {
    if (note->entry != NULL && note->entry->value != NULL)
        return;
    bool stays = note->world->server.set_ms == 0 && !request_in(note)->intent;
    if (note->record->valued && !note->record->marked && note->entry != NULL && stays)
        world_violate(note->world, "values are kept: that of k%u was removed, though nothing had invalidated it",
                      note->message->key);
    if (note->record->valued)
        note->record->paused_ms = 0; /* with its meta */
    note->record->valued = note->record->marked = false;
    note->record->source = 0;
    note->record->epoch = 0;
}

static void take_value(const struct note *note) {
    struct record *record = note->record;
    struct source *source = request_in(note)->absent ? NULL : check_source_of(note->world, request_in(note)->value);
    int64_t fresh_ms = request_in(note)->fresh_ms;
    record->valued = true;
    record->marked = false;
    record->paused_ms = record->paused_until_ms = record->unrefreshed_until_ms = 0;
    record->stored_us = note->world->now_us;
    record->fresh_until_ms = fresh_ms > 0 ? note->now_ms + fresh_ms : INT64_MAX;
    record->epoch = note->message->foreign ? 0 : note->message->epoch;
    record->source = source != NULL ? (uint32_t)(source - note->world->check.sources) + 1 : 0;
    if (source != NULL)
        source->foreign = source->foreign || (note->message->foreign && !note->world->plan.trust);
    if (source != NULL)
        source->fresh_until_ms = record->fresh_until_ms;
    drop_holder(record);
}

/* Leases, locks, and for how long something stale may be served stay as they are. */
static void note_raw_set(const struct note *note) {
    struct record *record = note->record;
    struct source *source = check_source_of(note->world, request_in(note)->value);
    if (source == NULL)
        return;
    source->raw = source->foreign = true; /* it tells no epoch */
    source->began = note->world->step;
    if (record->marked) /* else, where it was put in before, it may still be served for that */
        source->marked_us = record->marked_us;
    source->fresh_until_ms = INT64_MAX;
    record->valued = true;
    record->intent = 0;
    record->paused_ms = record->unrefreshed_until_ms = 0;
    if (record->holder.refresh) /* nobody is told any more, also where the clock is set back */
        record->holder.until_ms = 0;
    record->stored_us = note->world->now_us;
    record->fresh_until_ms = INT64_MAX;
    record->epoch = 0;
    record->source = (uint32_t)(source - note->world->check.sources) + 1;
}

/* ---- what must not be ---- */

static void check_takes_over(const struct note *note) {
    struct world *world = note->world;
    const struct holder *holder = &note->record->holder;
    if (holder->size == 0 || holds(note->record, request_in(note)->owner) || holder->refresh)
        return;
    const struct policy *policy = &world->plan.policy;
    if (holder->lock || holder->until_ms > note->now_ms) {
        int64_t seen_ms = (world->now_us - holder->since_us) / 1000;
        bool seen_long = seen_ms >= policy->lock_expire_max_ms - policy->lock_expire_max_ms / 16 - 2 ||
                         world->server.set_ms > 0; /* then two leases may look the same */
        if (request_in(note)->seen.size == 0 || holder->lock || !seen_long)
            world_violate(world, "one load at a time: a lease of k%u was granted while another lives",
                          note->message->key);
        return;
    }
    const struct granted *grant = check_grant_of(world, slice_of(holder->owner, holder->size));
    int64_t running_ms = grant != NULL && grant->running ? (world->now_us - grant->granted_us) / 1000 : INT64_MAX;
    if (plan_is_healthy(&world->plan) && running_ms < policy->lock_expire_max_ms - policy->lock_expire_ms)
        world_violate(world, "leases are renewed: that of k%u ended under its loader", note->message->key);
}

/* A lease without a loader keeps all others from loading. */
static void check_keeps_waiting(const struct note *note) {
    const struct holder *holder = &note->record->holder;
    const struct granted *grant =
        holder->lock ? NULL : check_grant_of(note->world, slice_of(holder->owner, holder->size));
    if (grant == NULL || grant->failed_us == 0 || !plan_is_healthy(&note->world->plan))
        return;
    if (note->world->now_us - grant->failed_us > 20 * note->world->plan.latency_us + 2000)
        world_violate(note->world, "a failed load gives its lease back: k%u is still leased", note->message->key);
}

static void check_stale(const struct note *note) {
    const struct record *record = note->record;
    struct source *source = source_in(note);
    if (request_in(note)->reply.value == NULL || source == NULL)
        return;
    bool over = record->fresh_until_ms <= note->now_ms;
    if (over && note->now_ms >= record->fresh_until_ms + note->world->plan.policy.stale_while_revalidate_ms)
        world_violate(note->world, "windows: the server gave v%u of k%u out, whose time has long been over",
                      source->version, note->message->key);
    else if (!record->marked && (record->holder.lock || source->raw))
        source->excused_us = note->world->now_us;
    else if (!record->marked && record->fresh_until_ms > note->now_ms + note->world->server.set_ms)
        world_violate(note->world, "a value of k%u was given out as stale that nothing had invalidated",
                      note->message->key);
    else if (record->marked && note->now_ms >= record->marked_ms + note->world->plan.policy.delay_ms)
        world_violate(note->world, "bound of stale values: the server gave v%u of k%u out after `delay`",
                      source->version, note->message->key);
}

static void check_stores(const struct note *note) {
    struct world *world = note->world;
    const struct granted *grant = check_grant_of(world, request_in(note)->owner);
    if (!holds(note->record, request_in(note)->owner))
        world_violate(world, "only the owner stores: k%u was stored without the lease", note->message->key);
    else if (grant == NULL || grant->began == 0)
        world_violate(world, "a load for each store: k%u was stored without one", note->message->key);
    else if (grant->began < note->record->voided)
        world_violate(world, "what was loaded before an invalidation was stored after it: k%u", note->message->key);
}

static void check_fresh(const struct note *note) {
    const struct record *record = note->record;
    if (request_in(note)->reply.verdict == VERDICT_FRESH && record->valued && record->fresh_until_ms <= note->now_ms)
        world_violate(note->world, "time to live: k%u was told to be fresh when its time was over",
                      note->message->key);
}

/* ---- verb by verb ---- */

static void note_acquired(const struct note *note) {
    enum verdict verdict = request_in(note)->reply.verdict;
    check_fresh(note);
    check_pause(note);
    if (verdict == VERDICT_OWNED) {
        note->record->paused_until_ms = 0;
        check_takes_over(note);
        bool keeps_lock = note->record->holder.lock && holds(note->record, request_in(note)->owner);
        if (!keeps_lock)
            take_holder(note, false);
        check_granted(note->world, request_in(note)->owner);
        if (!has_lapsed(note))
            mark(note);
        look_for_value(note);
        check_stale(note);
    } else if (verdict == VERDICT_BUSY) {
        check_keeps_waiting(note);
        check_stale(note);
    }
}

/* Of what is fresh, and stays so. */
static void note_refreshed(const struct note *note) {
    const struct record *record = note->record;
    struct world *world = note->world;
    if (request_in(note)->reply.verdict != VERDICT_OWNED)
        return;
    bool fresh = record->valued && !record->marked && record->fresh_until_ms > note->now_ms;
    if (!fresh || note->entry->lease != LEASE_NONE)
        world_violate(world, "early refresh: k%u is refreshed, but not fresh", note->message->key);
    else if (record->unrefreshed_until_ms > note->now_ms)
        world_violate(world, "early refresh: k%u is refreshed, though its last load has failed", note->message->key);
    else if (record->holder.refresh && record->holder.until_ms > note->now_ms &&
             !holds(record, request_in(note)->owner))
        world_violate(world, "early refresh: two refresh k%u", note->message->key);
    take_holder(note, false);
    check_granted(world, request_in(note)->owner);
}

static void note_put(const struct note *note) {
    if (request_in(note)->reply.verdict != VERDICT_STORED)
        return;
    check_stores(note);
    take_value(note);
    look_for_value(note);
}

static void note_renewed(const struct note *note) {
    if (request_in(note)->reply.verdict != VERDICT_OWNED)
        return;
    note->record->holder.until_ms = note->now_ms + request_in(note)->life_ms;
    note->record->holder.since_us = note->world->now_us;
    look_for_value(note);
}

/* Unless the op ended meanwhile, which is a failure, but of who has a fresh value already. */
static void note_released(const struct note *note) {
    struct world *world = note->world;
    const struct granted *grant = check_grant_of(world, request_in(note)->owner);
    if (request_in(note)->reply.verdict != VERDICT_DONE)
        return;
    bool unused = grant != NULL && grant->began == 0 && !note->record->holder.refresh;
    if (unused && plan_is_healthy(&world->plan) && world->check.failures == 0)
        world_violate(world, "leases are used: that of k%u was given back without a load", note->message->key);
    bool refresh = note->record->valued && !note->record->marked && note->record->fresh_until_ms > note->now_ms &&
                   note->record->holder.refresh && !request_in(note)->drops;
    drop_holder(note->record);
    int64_t paused_ms = note->record->paused_ms;
    if (request_in(note)->drops) {
        mark(note);
        look_for_value(note);
    }
    if (request_in(note)->pause_ms > 0) {
        note->record->paused_ms = paused_ms; /* outlives the value */
        begin_pause(note, refresh);
    }
    if (request_in(note)->pause_ms > 0 && grant != NULL && grant->began == 0)
        world_violate(world, "pauses: k%u is paused, though no load of it has failed", note->message->key);
    bool stays = request_in(note)->pause_ms == 0 && has_lapsed(note) && world->server.set_ms == 0;
    if (stays && note->entry != NULL && note->entry->lease != LEASE_NONE)
        world_violate(world, "a failed refresh changes nothing: k%u counts as invalidated since", note->message->key);
}

static void note_invalidated(const struct note *note) {
    struct record *record = note->record;
    if (request_in(note)->reply.verdict == VERDICT_LOST) {
        if (!record->holder.lock || holds(record, request_in(note)->owner))
            world_violate(note->world, "unlock always invalidates: k%u was left as it was", note->message->key);
        return;
    }
    check_unlocked(note->world, note->message, holds(record, request_in(note)->owner));
    record->paused_until_ms = 0;
    if (!record->holder.lock || request_in(note)->verb != VERB_INVALIDATE)
        drop_holder(record);
    mark(note);
    look_for_value(note);
    record->served_until_ms = record->valued ? note->entry->serve_until_ms : 0;
    record->voided = note->world->step;
    check_write_executed(note->world, note->message->write);
}

static void note_locked(const struct note *note) {
    struct record *record = note->record;
    if (request_in(note)->reply.verdict != VERDICT_OWNED)
        return;
    if (record->holder.lock && !holds(record, request_in(note)->owner))
        world_violate(note->world, "one writer at a time: k%u was locked twice", note->message->key);
    take_holder(note, true);
    check_fence(note->world, note->message->key, request_in(note)->reply.fence);
    record->intent = request_in(note)->intent ? record->holder.number : record->intent;
    look_for_value(note);
    record->paused_until_ms = 0;
    record->voided = note->world->step;
}

static void note_set(const struct note *note) {
    struct check *check = &note->world->check;
    const struct write *write = &check->writes[note->message->write - 1];
    bool locked = write->lock != 0 && note->record->holder.number == write->lock &&
                  write->replacements == note->world->server.replacements;
    if (write->over || (write->locks && !locked)) { /* docs/guarantees.md: writers take turns */
        uint32_t *cap = &check->keys[write->key].cap;
        *cap = write->version < *cap ? write->version : *cap;
    }
    take_value(note);
    check->keys[write->key].set_us = note->world->now_us;
    note->record->voided = note->world->step;
    check_write_executed(note->world, note->message->write);
    if (note->record->source > 0)
        source_in(note)->began = write->executed;
}

void record_note(struct world *world, struct message *message, const struct entry *entry) {
    struct record *record = &world->server.records[message->key];
    const struct note note = { world, message, record, entry, server_now_ms(world) };
    if (message->request.reply.status != RCACHE_OK || version_refuses(world, record, message))
        return;
    enum verdict verdict = message->request.reply.verdict;
    bool changed = verdict == VERDICT_OWNED || verdict == VERDICT_STORED || verdict == VERDICT_DONE;
    if (verb_changes(message->request.verb) && changed)
        record->settled_us = world->now_us;
    switch (message->request.verb) {
    case VERB_ACQUIRE: note_acquired(&note); break;
    case VERB_REFRESH: note_refreshed(&note); break;
    case VERB_PUT: note_put(&note); break;
    case VERB_RENEW: note_renewed(&note); break;
    case VERB_RELEASE: note_released(&note); break;
    case VERB_INVALIDATE:
    case VERB_UNLOCK: note_invalidated(&note); break;
    case VERB_LOCK: note_locked(&note); break;
    case VERB_SET: note_set(&note); break;
    case VERB_RAW_SET: note_raw_set(&note); break;
    case VERB_DELETE:
        record_forget(world, record);
        record->voided = world->step;
        check_write_executed(world, message->write);
        break;
    case VERB_PEEK:
    case VERB_WATCH: check_fresh(&note); break;
    case VERB_GET:
    case VERB_INSPECT:
    case VERB_WHERE:
    case VERB_PING: break;
    }
    if (entry == NULL)
        record_forget(world, record);
    else if (entry->expires_ms == TIME_NEVER)
        world_violate(world, "every entry ends: k%u has no time to live", message->key);
}
