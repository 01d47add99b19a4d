#include "backend/memory/act.h"

#include "base/rule.h"
#include "base/text.h"
#include "resilicache.h"

/* ---- questions about the entry */

static bool over(const struct act *act) {
    return RULE(time_ends_freshness, act->entry->fresh_until_ms <= act->now_ms);
}

bool act_is_fresh(const struct act *act) {
    return act->entry->lease == LEASE_NONE && act->entry->value != NULL && !over(act);
}

bool act_is_lapsed(const struct act *act) {
    const struct entry *entry = act->entry;
    return entry->value != NULL && over(act) && entry->serve_until_ms == TIME_NEVER && entry->lease != LEASE_VOID;
}

bool act_is_owned(const struct act *act) {
    const struct entry *entry = act->entry;
    return entry != NULL && entry->owner != NULL && slice_equal(blob_slice(entry->owner), act->request->owner);
}

bool act_is_locked_by_another(const struct act *act) {
    return act->entry != NULL && act->entry->lease == LEASE_LOCKED && !act_is_owned(act);
}

void act_write_lease(const struct entry *entry, char text[LEASE_TEXT_MAX]) {
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
    act_write_lease(act->entry, text);
    return act->request->seen.size > 0 && slice_equal(slice_of_text(text), act->request->seen);
}

static bool backed_off(const struct act *act) {
    return act->entry->lease == LEASE_UNTIL && act->entry->owner == NULL;
}

bool act_is_busy(const struct act *act) {
    const struct entry *entry = act->entry;
    if (entry == NULL || act_is_owned(act))
        return false;
    switch (entry->lease) {
    case LEASE_NONE:
    case LEASE_VOID:
        return false;
    case LEASE_UNTIL:
        if (entry->lease_until_ms <= act->now_ms || seen(act))
            return false;
        return RULE(leases_hold, entry->owner != NULL) || RULE(pauses_hold, backed_off(act) && !act->request->strong);
    case LEASE_LOCKED:
        return RULE(locks_hold, true);
    }
    return false;
}

/* ---- parts of answers */

static void show(const struct act *act, struct blob *value) {
    act->request->reply.value = value;
    act->request->reply.absent = act->entry->value != NULL && act->entry->absent;
}

void act_show_value(const struct act *act) {
    show(act, blob_share(act->entry->value));
}

void act_show_copy(const struct act *act) {
    enum { COPIED_MAX = 512 };
    struct blob *value = act->entry->value;
    struct blob *copy = value != NULL && value->size <= COPIED_MAX ? blob_copy(value->data, value->size) : NULL;
    show(act, copy != NULL ? copy : blob_share(value));
}

void act_show_stale(const struct act *act) {
    const struct entry *entry = act->entry;
    struct reply *reply = &act->request->reply;
    int64_t window_ends_ms = time_later(entry->fresh_until_ms, act->request->window_ms);
    if ((act->request->bound_ms <= 0 && !act_is_lapsed(act)) ||
        RULE(stale_values_end, entry->serve_until_ms <= act->now_ms) ||
        RULE(windows_end, window_ends_ms <= act->now_ms))
        return;
    act_show_value(act);
    int64_t ends_ms = time_earlier(entry->serve_until_ms, window_ends_ms);
    reply->stale_ms = ends_ms == TIME_NEVER ? -1 : ends_ms - act->now_ms;
    reply->lapsed = ends_ms < TIME_NEVER && entry->serve_until_ms == TIME_NEVER;
}

enum verdict act_answer_busy(const struct act *act) {
    const struct entry *entry = act->entry;
    struct reply *reply = &act->request->reply;
    int64_t ends_ms = entry->lease == LEASE_LOCKED ? entry->expires_ms : entry->lease_until_ms;
    reply->backed_off = backed_off(act);
    reply->remaining_ms = ends_ms == TIME_NEVER ? -1 : ends_ms - act->now_ms;
    act_write_lease(entry, reply->lease);
    return VERDICT_BUSY;
}

enum verdict act_answer_no_memory(const struct act *act) {
    act->request->reply.status = RCACHE_E_NOMEM;
    return VERDICT_NONE;
}

enum verdict act_answer_too_large(const struct act *act) {
    act->request->reply.status = RCACHE_E_LIMIT;
    act->request->reply.message = text_join("larger than memory_max_bytes allows", (const char *)NULL);
    return VERDICT_NONE;
}
