#include "runtime/exchange.h"

#include "engine/pause.h"
#include "runtime/cache.h"

/* What is larger must not hold up the small ones behind it. */
enum { LARGE_VALUE_SIZE = 64 * 1024 };

enum { PAUSE_FIRST_MS = 50, PAUSE_LAST_MS = 1000, ATTEMPTS_MAX = 2 };

size_t exchange_places(const struct rcache *cache) {
    return cache->settings.connections + (size_t)LINK_WATCH;
}

enum link_purpose exchange_purpose(const struct rcache *cache, size_t place) {
    size_t shared = cache->settings.connections;
    return place < shared ? LINK_SHARED : (enum link_purpose)(LINK_LARGE + place - shared);
}

static size_t place_for(const struct rcache *cache, enum link_purpose purpose) {
    return cache->settings.connections - 1 + (size_t)purpose;
}

size_t exchange_place_of(const struct rcache *cache, const struct request *request) {
    bool sentinel = request->verb == VERB_WHERE && request->owner.size > 0; /* whose news come by the same connection */
    if (request->verb == VERB_WATCH || sentinel)
        return place_for(cache, LINK_WATCH);
    if (request->replicas > 0)
        return place_for(cache, LINK_CONFIRM);
    if (request->value != NULL && request->value->size > LARGE_VALUE_SIZE)
        return place_for(cache, LINK_LARGE);
    return request->route % cache->settings.connections;
}

/* Where the request goes after a reply that was the last to it. */
static void settle(struct request *request, enum redis_answer answer, struct link_node *again,
                   struct link_node *done) {
    list_remove(&request->node);
    list_append(answer == REDIS_AGAIN ? again : done, &request->node);
}

static bool is_sealed(const struct link_node *confirming) {
    return !list_empty(confirming) && list_entry(confirming->prev, struct request, node)->seals;
}

bool exchange_take_reply(const struct resp *resp, const struct server_facts *facts, struct link_node *due,
                         struct link_node *confirming, struct link_node *again, struct link_node *done) {
    if (is_sealed(confirming)) {
        while (!list_empty(confirming)) {
            struct request *request = list_entry(confirming->next, struct request, node);
            settle(request, redis_decode(request, request->replies++, resp, facts), again, done);
        }
        return true;
    }
    if (list_empty(due))
        return false;
    struct request *request = list_entry(due->next, struct request, node);
    struct server_facts known = *facts;
    if (request->primary_epoch != 0) /* a replica has another process' entries */
        known.epoch = request->primary_epoch;
    enum redis_answer answer = redis_decode(request, request->replies++, resp, &known);
    if (answer != REDIS_MORE) {
        settle(request, answer, again, done);
        return true;
    }
    if (request->replicas > 0 && request->replies + 1 == request->replies_due) {
        list_remove(&request->node);
        list_append(confirming, &request->node);
    }
    return request->replies < request->replies_due;
}

void exchange_take_push(struct rcache *cache, const struct resp *push) {
    bool invalidation = push->count == 2 && slice_equal(push->items[0].text, slice_of_text("invalidate"));
    bool message = push->count == 3 && slice_equal(push->items[0].text, slice_of_text("message"));
    if (message) { /* of a Sentinel: there is a new master */
        topology_refresh(&cache->topology);
        service_expect(cache, 0);
    }
    if (!invalidation)
        return;
    const struct resp *keys = &push->items[1];
    if (keys->type != RESP_ARRAY)
        cache_changed(cache, slice_of(NULL, 0));
    else
        for (size_t i = 0; i < keys->count; i++)
            cache_changed(cache, keys->items[i].text);
}

void exchange_resend(struct link_node *due, int32_t status, const char *message, struct link_node *unsent,
                     struct link_node *done) {
    for (struct link_node *node; (node = list_take(due)) != NULL;) {
        struct request *request = list_entry(node, struct request, node);
        if (request->attempts >= ATTEMPTS_MAX) {
            exchange_finish(request, status, message, done);
            continue;
        }
        request->attempts++;
        list_append(unsent, node);
    }
}

/* How long the server may go on without a sign of life: WAIT holds its answers back.  The oldest request without an
 * answer counts, or, while bytes flow, the last of them. */
int64_t exchange_dead_ms(const struct rcache *cache, enum link_purpose purpose, const struct request *oldest,
                         int64_t progress_ms) {
    if (oldest == NULL)
        return INT64_MAX;
    int64_t wait_ms = purpose == LINK_CONFIRM ? cache->settings.policy.wait_replicas_timeout_ms : 0;
    int64_t since_ms = oldest->sent_ms > progress_ms ? oldest->sent_ms : progress_ms;
    return since_ms + cache->settings.op_timeout_ms + wait_ms;
}

bool backoff_bars(const struct backoff *backoff, const struct node *node, const struct request *request,
                  int64_t now_ms) {
    return now_ms < backoff->retry_ms && node->recovered_ms < backoff->noted_ms && request->verb != VERB_PING;
}

void backoff_note(struct backoff *backoff, const rcache_error *failure, int64_t now_ms, uint64_t seed) {
    struct random random = { (uint64_t)now_ms ^ seed };
    backoff->failure = *failure;
    backoff->pause_ms = backoff->pause_ms == 0 ? PAUSE_FIRST_MS : pause_doubled(backoff->pause_ms, PAUSE_LAST_MS);
    backoff->noted_ms = now_ms;
    backoff->retry_ms = now_ms + pause_jittered(backoff->pause_ms, &random);
}
