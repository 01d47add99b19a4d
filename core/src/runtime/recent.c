#include "runtime/recent.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/cache.h"

/* An invalidation that nobody waits for. */
struct resent {
    struct request request;
    struct blob *key;
};

void recent_init(struct recent *recent) {
    pthread_mutex_init(&recent->lock, NULL);
}

void recent_clear(struct recent *recent) {
    for (size_t i = 0; i < RECENT_MAX; i++)
        blob_drop(recent->keys[i]);
    pthread_mutex_destroy(&recent->lock);
}

/* For want of memory it is not noted: there is only less to repair. */
static void note(struct recent *recent, const struct request *request, int64_t now_ms) {
    struct blob *copy = blob_copy(request->key.data, request->key.size);
    if (copy == NULL)
        return;
    pthread_mutex_lock(&recent->lock);
    struct blob *old = recent->keys[recent->next];
    recent->keys[recent->next] = copy;
    recent->noted_ms[recent->next] = now_ms;
    recent->versions[recent->next] = request->version;
    recent->next = (recent->next + 1) % RECENT_MAX;
    pthread_mutex_unlock(&recent->lock);
    blob_drop(old);
}

static void free_resent(struct request *request) {
    struct resent *resent = request->target;
    request_clear(request);
    blob_drop(resent->key);
    mem_free(resent);
}

void recent_take(struct recent *recent, struct link_node *done, int64_t now_ms) {
    for (struct link_node *node = done->next, *next; node != done; node = next) {
        next = node->next;
        struct request *request = list_entry(node, struct request, node);
        if (request->reply_for == FOR_REPAIR) {
            list_remove(node);
            free_resent(request);
        } else if ((request->verb == VERB_INVALIDATE || request->verb == VERB_UNLOCK) &&
                   request->reply.status == RCACHE_OK) {
            note(recent, request, now_ms);
        }
    }
}

void recent_want(struct rcache *cache) {
    cache->recent.wanted = true;
    service_expect(cache, 0);
}

static void resend(struct rcache *cache, struct blob *key, int64_t version, struct link_node *requests) {
    struct resent *resent = mem_alloc_zeroed(1, sizeof *resent);
    if (resent == NULL)
        return;
    resent->key = blob_share(key);
    resent->request = (struct request){ .verb = VERB_INVALIDATE,
                                        .key = blob_slice(key),
                                        .bound_ms = cache->settings.policy.delay_ms,
                                        .settle_ms = cache->settings.policy.settle_ms,
                                        .version = version,
                                        .reply_for = FOR_REPAIR,
                                        .target = resent };
    list_append(requests, &resent->request.node);
    cache->counters.invalidations_resent++;
}

void recent_resend(struct rcache *cache, struct link_node *requests) {
    struct recent *recent = &cache->recent;
    if (!recent->wanted || cache->closed)
        return;
    recent->wanted = false;
    int64_t oldest_ms = clock_now_ms() - RECENT_MS;
    pthread_mutex_lock(&recent->lock);
    for (size_t i = 0; i < RECENT_MAX; i++)
        if (recent->keys[i] != NULL && recent->noted_ms[i] >= oldest_ms)
            resend(cache, recent->keys[i], recent->versions[i], requests);
    pthread_mutex_unlock(&recent->lock);
}
