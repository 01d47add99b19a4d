/* reply: what the server answered, as the reply that the engine knows.  Trusts no shape. */
#include "backend/redis/found.h"
#include "backend/redis/meta.h"
#include "backend/redis/redis.h"
#include "backend/redis/refusal.h"
#include "backend/redis/where.h"
#include "base/text.h"
#include "resilicache.h"

static enum redis_answer fail(struct request *request, int32_t status, struct blob *message) {
    request->reply.status = status;
    blob_drop(request->reply.message);
    request->reply.message = message;
    return REDIS_ANSWERED;
}

static enum redis_answer fail_shape(struct request *request) {
    return fail(request, RCACHE_E_PROTOCOL,
                text_join("the server's reply has an unexpected shape", (const char *)NULL));
}

static enum redis_answer fail_type(struct request *request) {
    return fail(request, RCACHE_E_TYPE,
                text_join("the key holds a value that is no cache entry: delete it, or use another prefix",
                          (const char *)NULL));
}

static enum redis_answer take_error(struct request *request, struct slice text) {
    uint32_t form = request->form | refusal_form(request->verb, text);
    if (form != request->form) {
        request->form = form;
        return REDIS_AGAIN;
    }
    int32_t status = refusal_status(text);
    request->reply.refused = refusal_of_writes(text);
    if (status != RCACHE_E_TYPE)
        return fail(request, status, blob_copy(text.data, text.size));
    if (request->verb != VERB_PEEK && request->verb != VERB_WATCH)
        return fail_type(request);
    request->reply.verdict = VERDICT_MISS; /* it may be an entry in the other layout: the scripts can tell */
    return REDIS_ANSWERED;
}

/* ---- parts ---- */

static bool take_value(struct request *request, const struct resp *item) {
    if (item->type == RESP_NIL || (item->type == RESP_BOOLEAN && item->integer == 0))
        return true;
    if (item->type != RESP_TEXT)
        return false;
    blob_drop(request->reply.value);
    request->reply.value = item->blob != NULL ? blob_share(item->blob) : blob_copy(item->text.data, item->text.size);
    return request->reply.value != NULL;
}

static struct slice text_in(const struct resp *resp, size_t index) {
    bool there = index < resp->count && resp->items[index].type == RESP_TEXT;
    return there ? resp->items[index].text : slice_of(NULL, 0);
}

static int64_t number_in(const struct resp *resp, size_t index, int64_t fallback) {
    bool there = index < resp->count && resp->items[index].type == RESP_INTEGER;
    return there ? resp->items[index].integer : fallback;
}

static void take_lease(struct reply *reply, struct slice lease) {
    size_t size = lease.size < sizeof reply->lease - 1 ? lease.size : sizeof reply->lease - 1;
    if (size > 0)
        memcpy(reply->lease, lease.data, size);
    reply->lease[size] = '\0';
}

static enum redis_answer no_memory(struct request *request) {
    return fail(request, RCACHE_E_NOMEM, NULL);
}

/* ---- plain commands ---- */

/* The server's clock, seconds and microseconds. */
static enum redis_answer take_time(struct request *request, const struct resp *resp) {
    uint64_t seconds, micros;
    bool told = resp->type == RESP_ARRAY && text_read_number(text_in(resp, 0), 10, &seconds) &&
                text_read_number(text_in(resp, 1), 10, &micros) && seconds < INT64_MAX / 2000;
    request->reply.server_ms = told ? (int64_t)(seconds * 1000 + micros / 1000) : 0;
    return REDIS_MORE;
}

/* Whether the value's time is over; if the server's clock can't be had, that is for the script to say. */
static bool take_end(struct reply *reply, int64_t fresh_until_ms) {
    reply->tells_end = fresh_until_ms > 0 && reply->server_ms > 0;
    reply->fresh_ms = reply->tells_end ? fresh_until_ms - reply->server_ms : 0;
    return fresh_until_ms > 0 && reply->fresh_ms <= 0;
}

static enum redis_answer take_peek(struct request *request, const struct resp *resp, const struct server_facts *facts) {
    struct reply *reply = &request->reply;
    struct found found;
    bool string = redis_reads_string(request, facts);
    if (!(string ? found_in_string(resp, &found) : found_in_array(resp, 1, 2, &found)))
        return fail_shape(request);
    if (found.foreign)
        return fail_type(request);
    take_lease(reply, found.lease);
    if (found.text == NULL) {
        reply->verdict = VERDICT_MISS;
        return REDIS_ANSWERED;
    }
    struct meta meta = found_meta(&found);
    if (meta.fresh_until_ms > 0 && !redis_asks_time(request)) {
        request->form |= FORM_TIMED;
        return REDIS_AGAIN;
    }
    if (!found_take(&found, &reply->value))
        return no_memory(request);
    bool other_epoch = facts->epoch != 0 && meta.epoch != 0 && meta.epoch != facts->epoch;
    reply->absent = meta.absent;
    reply->epoch_unknown = facts->epoch != 0 && meta.epoch == 0;
    bool over = take_end(reply, meta.fresh_until_ms);
    bool invalidated = found.leased && (meta.marked || strcmp(reply->lease, "0") == 0);
    bool doubtful = other_epoch || (request->strong && reply->epoch_unknown);
    reply->verdict = !found.leased && !other_epoch && !over ? VERDICT_FRESH : VERDICT_UNFRESH;
    reply->lapsed = over && reply->tells_end && !invalidated && !doubtful;
    reply->load_ms = meta.load_ms;
    bool marked = reply->server_ms > 0 && meta.refresh_until_ms > reply->server_ms;
    reply->refreshing = reply->verdict == VERDICT_FRESH && marked;
    return REDIS_ANSWERED;
}

static enum redis_answer take_get(struct request *request, const struct resp *resp, const struct server_facts *facts) {
    struct reply *reply = &request->reply;
    struct found found;
    bool string = redis_reads_string(request, facts);
    if (!(string ? found_in_string(resp, &found) : found_in_array(resp, 0, 1, &found)))
        return fail_shape(request);
    reply->absent = found.text != NULL && found_meta(&found).absent;
    if (!found_take(&found, &reply->value))
        return no_memory(request);
    reply->verdict = reply->value != NULL ? VERDICT_FRESH : VERDICT_MISS;
    return REDIS_ANSWERED;
}

static enum redis_answer take_deleted(struct request *request, const struct resp *resp) {
    if (resp->type != RESP_INTEGER)
        return fail_shape(request);
    bool done = resp->integer > 0 || request->verb == VERB_UNLOCK;
    request->reply.verdict = done ? VERDICT_DONE : VERDICT_MISS;
    request->reply.held = done;
    return REDIS_ANSWERED;
}

/* Of the servers of a cluster, or of the master that its Sentinels know by the owner's name. */
static enum redis_answer take_map(struct request *request, const struct resp *resp) {
    if (request->owner.size > 0 && resp->type == RESP_NIL)
        return fail(request, RCACHE_E_SERVER,
                    text_join("the Sentinels watch no master '", request->owner.data,
                              "': name another in the URL's path", (const char *)NULL));
    request->reply.value = request->owner.size > 0 ? map_of_sentinel(resp) : map_of_cluster(resp);
    request->reply.verdict = VERDICT_FRESH;
    return request->reply.value != NULL ? REDIS_ANSWERED : fail_shape(request);
}

/* ---- scripts: an array whose first item says which ---- */

static enum redis_answer take_acquired(struct request *request, const struct resp *resp,
                                       const struct server_facts *facts) {
    struct reply *reply = &request->reply;
    if (resp->count < 3)
        return fail_shape(request);
    if (!take_value(request, &resp->items[1]))
        return resp->items[1].type == RESP_TEXT ? no_memory(request) : fail_shape(request);
    struct meta meta = { 0 };
    if (reply->value != NULL)
        meta = meta_read(text_in(resp, 2), blob_slice(reply->value), facts->packed);
    reply->absent = meta.absent;
    reply->epoch_unknown = facts->epoch != 0 && meta.epoch != facts->epoch;
    reply->grant = (struct grant){ facts->epoch, request->attempts };
    reply->stale_ms = number_in(resp, 3, -1);
    reply->lapsed = reply->value != NULL && reply->stale_ms >= 0 && !meta.marked;
    reply->remaining_ms = number_in(resp, 4, -1);
    take_lease(reply, text_in(resp, 5));
    reply->backed_off = number_in(resp, 6, 0) != 0;
    if (reply->verdict != VERDICT_FRESH)
        return REDIS_ANSWERED;
    if (reply->value == NULL)
        return fail_shape(request);
    if (!request->strong || !reply->epoch_unknown || (request->form & FORM_DOUBT) != 0)
        return REDIS_ANSWERED;
    request->form |= FORM_DOUBT; /* another client may have replaced the value and left its meta: no script can tell */
    return REDIS_AGAIN;
}

/* Bytes that a terminal could not bear as \xNN. */
static bool add_printable(struct buffer *lines, struct slice text) {
    bool ok = true;
    for (size_t i = 0; ok && i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        const char escaped[] = { '\\', 'x', "0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15] };
        bool plain = byte >= 0x20 && byte < 0x7F && byte != '\\';
        ok = plain ? buffer_append(lines, &text.data[i], 1) : buffer_append(lines, escaped, sizeof escaped);
    }
    return ok;
}

static bool add_line(struct buffer *lines, const char *name, struct slice text) {
    return buffer_append_text(lines, name) && buffer_append_text(lines, " ") && add_printable(lines, text) &&
           buffer_append_text(lines, "\n");
}

static bool add_number_line(struct buffer *lines, const char *name, int64_t number) {
    char digits[TEXT_NUMBER_SIZE];
    return add_line(lines, name, slice_of_text(text_of_number(digits, number)));
}

/* state, value, ttl, lease left, owner, lockUntil, meta, layout, how long it is fresh */
static enum redis_answer take_entry(struct request *request, const struct resp *resp,
                                    const struct server_facts *facts) {
    if (resp->count != 10)
        return fail_shape(request);
    bool has_value = resp->items[2].type == RESP_TEXT;
    struct slice value = text_in(resp, 2), owner = text_in(resp, 5), lease = text_in(resp, 6), meta = text_in(resp, 7);
    int64_t lease_ms = number_in(resp, 4, -1);
    struct buffer lines = BUFFER_INIT;
    bool ok = add_line(&lines, "state", text_in(resp, 1));
    ok = ok && (!has_value || add_number_line(&lines, "size", (int64_t)value.size));
    bool absent = has_value && meta_read(meta, value, facts->packed).absent;
    ok = ok && (!absent || add_line(&lines, "absent", slice_of_text("yes")));
    ok = ok && add_number_line(&lines, "ttl_ms", number_in(resp, 3, -1));
    bool tells_end = resp->items[9].type == RESP_INTEGER;
    ok = ok && (!tells_end || add_number_line(&lines, "fresh_ms", resp->items[9].integer));
    ok = ok && (lease_ms < 0 || add_number_line(&lines, "lease_ms", lease_ms));
    ok = ok && (owner.size == 0 || add_line(&lines, "owner", owner));
    ok = ok && (lease.size == 0 || add_line(&lines, "lock_until", lease));
    ok = ok && (meta.size == 0 || add_line(&lines, "meta", meta));
    ok = ok && add_line(&lines, "layout", text_in(resp, 8));
    request->reply.value = ok ? blob_copy(buffer_slice(&lines).data, lines.size) : NULL;
    buffer_clear(&lines);
    request->reply.verdict = VERDICT_FRESH;
    return request->reply.value != NULL ? REDIS_ANSWERED : no_memory(request);
}

static enum verdict verdict_of(struct slice word) {
    static const struct {
        const char *word;
        enum verdict verdict;
    } known[] = { { "FRESH", VERDICT_FRESH }, { "OWNED", VERDICT_OWNED },   { "BUSY", VERDICT_BUSY },
                  { "MISS", VERDICT_MISS },   { "STORED", VERDICT_STORED }, { "LOST", VERDICT_LOST },
                  { "DONE", VERDICT_DONE },   { "OUTDATED", VERDICT_OUTDATED } };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (slice_equal(word, slice_of_text(known[i].word)))
            return known[i].verdict;
    return VERDICT_NONE;
}

/* Which verdicts a script may come to. */
static bool may_answer(enum verb verb, enum verdict verdict) {
    switch (verb) {
    case VERB_ACQUIRE: return verdict == VERDICT_FRESH || verdict == VERDICT_OWNED || verdict == VERDICT_BUSY;
    case VERB_REFRESH: return verdict == VERDICT_OWNED || verdict == VERDICT_BUSY || verdict == VERDICT_LOST;
    case VERB_PUT: return verdict == VERDICT_STORED || verdict == VERDICT_LOST || verdict == VERDICT_OUTDATED;
    case VERB_RENEW: return verdict == VERDICT_OWNED || verdict == VERDICT_LOST;
    case VERB_RELEASE:
    case VERB_UNLOCK: return verdict == VERDICT_DONE || verdict == VERDICT_LOST;
    case VERB_INVALIDATE: return verdict == VERDICT_DONE || verdict == VERDICT_MISS;
    case VERB_LOCK: return verdict == VERDICT_OWNED || verdict == VERDICT_BUSY;
    case VERB_SET: return verdict == VERDICT_DONE || verdict == VERDICT_OUTDATED;
    case VERB_RAW_SET: return verdict == VERDICT_DONE;
    case VERB_INSPECT: return verdict == VERDICT_MISS;
    case VERB_WHERE:
    case VERB_PING:
    case VERB_PEEK:
    case VERB_WATCH:
    case VERB_GET:
    case VERB_DELETE: return false;
    }
    return false;
}

static enum redis_answer take_script(struct request *request, const struct resp *resp,
                                     const struct server_facts *facts) {
    struct reply *reply = &request->reply;
    if (resp->type != RESP_ARRAY || resp->count == 0)
        return fail_shape(request);
    struct slice word = text_in(resp, 0);
    if (request->verb == VERB_INSPECT && slice_equal(word, slice_of_text("ENTRY")))
        return take_entry(request, resp, facts);
    reply->verdict = verdict_of(word);
    if (!may_answer(request->verb, reply->verdict))
        return fail_shape(request);
    if (request->verb == VERB_ACQUIRE)
        return take_acquired(request, resp, facts);
    reply->grant = (struct grant){ facts->epoch, request->attempts };
    reply->remaining_ms = number_in(resp, 1, -1);
    reply->fence = number_in(resp, 1, 0);
    reply->held = request->verb == VERB_UNLOCK && reply->fence != 0;
    if (request->verb == VERB_LOCK && reply->verdict == VERDICT_OWNED && reply->fence <= 0)
        return fail_shape(request);
    take_lease(reply, text_in(resp, 2));
    return REDIS_ANSWERED;
}

static enum redis_answer take_answer(struct request *request, const struct resp *resp,
                                     const struct server_facts *facts) {
    if (resp->type == RESP_ERROR)
        return take_error(request, resp->text);
    if ((request->form & FORM_DELETE) != 0)
        return take_deleted(request, resp);
    switch (request->verb) {
    case VERB_PEEK:
    case VERB_WATCH: return take_peek(request, resp, facts);
    case VERB_GET: return take_get(request, resp, facts);
    case VERB_DELETE: return take_deleted(request, resp);
    case VERB_ACQUIRE:
    case VERB_REFRESH:
    case VERB_PUT:
    case VERB_RENEW:
    case VERB_RELEASE:
    case VERB_INVALIDATE:
    case VERB_LOCK:
    case VERB_UNLOCK:
    case VERB_SET:
    case VERB_RAW_SET:
    case VERB_INSPECT: return take_script(request, resp, facts);
    case VERB_WHERE: return take_map(request, resp);
    case VERB_PING: request->reply.verdict = VERDICT_DONE; return REDIS_ANSWERED;
    }
    return fail_shape(request);
}

/* ---- requests of more than one reply ---- */

static enum redis_answer take_wait(struct request *request, const struct resp *resp) {
    if (request->reply.status != RCACHE_OK || resp->type != RESP_INTEGER || resp->integer >= (int64_t)request->replicas)
        return REDIS_ANSWERED; /* a server without WAIT confirms nothing, which `doctor` tells */
    char got[TEXT_NUMBER_SIZE], wanted[TEXT_NUMBER_SIZE], wait_ms[TEXT_NUMBER_SIZE];
    return fail(request, RCACHE_E_TIMEOUT,
                text_join("applied, but only ", text_of_number(got, resp->integer), " of ",
                          text_of_number(wanted, request->replicas), " replicas confirmed it within ",
                          text_of_number(wait_ms, request->replicas_ms), " ms", (const char *)NULL));
}

enum redis_answer redis_decode(struct request *request, uint32_t index, const struct resp *resp,
                               const struct server_facts *facts) {
    if (index == 0)
        reply_clear(&request->reply); /* of an attempt whose connection was lost between two replies */
    if (redis_asks_time(request) && index-- == 0)
        return take_time(request, resp);
    if (request->asking && index-- == 0)
        return REDIS_MORE;
    if (request->replicas == 0)
        return take_answer(request, resp, facts);
    if (index == 0) {
        request->waits_again = take_answer(request, resp, facts) == REDIS_AGAIN;
        return REDIS_MORE;
    }
    if (request->waits_again)
        return REDIS_AGAIN;
    return take_wait(request, resp);
}
