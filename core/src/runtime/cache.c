#define _POSIX_C_SOURCE 200809L
#include "runtime/cache.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "runtime/call.h"
#include "runtime/exchange.h"
#include "runtime/fork.h"
#include "runtime/link.h"
#include "runtime/passage.h"
#include "runtime/queue.h"
#include "runtime/stepper.h"

/* One more server has been heard of. */
static bool connect_node(void *owner, struct node *node) {
    struct rcache *cache = owner;
    return cache->stepper != NULL ? stepper_grow(cache->stepper, node) : links_grow(&cache->links, cache, node);
}

static bool init_topology(struct rcache *cache) {
    const struct surroundings around = { .settings = &cache->settings,
                                         .closed = &cache->closed,
                                         .replaced = &cache->recent.wanted,
                                         .seed = cache->seed,
                                         .connect = connect_node,
                                         .owner = cache };
    bool memory = cache->settings.endpoint.scheme == SCHEME_MEMORY;
    bool ok = memory || links_init(&cache->links, topology_nodes_max(&cache->settings) * exchange_places(cache));
    return topology_init(&cache->topology, &around) && ok;
}

int32_t cache_new(struct settings *settings, struct rcache **result, rcache_error *err) {
    *result = NULL;
    struct rcache *cache = mem_alloc_zeroed(1, sizeof *cache);
    if (cache == NULL) {
        settings_clear(settings);
        return error_set(err, RCACHE_E_NOMEM, "no memory for a cache");
    }
    fork_watch();
    cache->owners = 1;
    cache->generation = fork_generation();
    cache->settings = *settings;
    cache->seed = random_from_system();
    pthread_mutex_init(&cache->lock, NULL);
    recent_init(&cache->recent);
    service_init(&cache->service);
    credentials_init(&cache->credentials);
    cache->trust = settings->endpoint.tls ? trust_new(&cache->settings.trust) : NULL;
    bool memory = settings->endpoint.scheme == SCHEME_MEMORY;
    bool ok = engine_init(&cache->engine, &cache->settings.policy, &cache->counters, random_from_system(), cache->seed);
    cache->engine.can_watch = memory || settings->resp >= 3;
    ok = journal_init(&cache->journal, cache->seed) && ok;
    ok = ok && (cache->trust != NULL) == settings->endpoint.tls;
    if (settings->policy.session_consistency)
        cache->session = common_session_new();
    ok = ok && (cache->session != NULL) == settings->policy.session_consistency;
    if (ok && memory)
        cache->memory = memory_new(settings->memory_max_bytes, random_from_system());
    ok = init_topology(cache) && ok && (!memory || cache->memory != NULL);
    int32_t status = ok ? RCACHE_OK : error_set(err, RCACHE_E_NOMEM, "no memory for a cache");
    const char *file = cache->settings.journal_file;
    if (ok && !memory && file[0] != '\0')
        status = journal_open(&cache->journal, file, err);
    if (status != RCACHE_OK) {
        cache_drop(cache);
        return status;
    }
    stripes_open(cache);
    *result = cache;
    return RCACHE_OK;
}

struct rcache *cache_hold(struct rcache *cache) {
    cache->owners++;
    return cache;
}

/* What was still under way on the links comes back here, so that flights and ops end. */
static void free_cache(struct rcache *cache) {
    struct link_node done;
    list_init(&done);
    topology_end(&cache->topology, &done);
    links_clear(&cache->links, &done);
    stepper_clear(cache->stepper, &done);
    cache_dispatch(cache, &done);
    engine_clear(&cache->engine);
    queues_free(cache->queues);
    stepper_free(cache->stepper);
    topology_clear(&cache->topology);
    recent_clear(&cache->recent);
    journal_clear(&cache->journal);
    memory_free(cache->memory);
    service_clear(&cache->service);
    trust_free(cache->trust);
    credentials_clear(&cache->credentials);
    common_session_drop(cache->session);
    pthread_mutex_destroy(&cache->lock);
    settings_clear(&cache->settings);
    mem_free(cache);
}

void cache_drop(struct rcache *cache) {
    if (--cache->owners == 0)
        free_cache(cache);
}

bool cache_forked(const struct rcache *cache) {
    return cache->generation != fork_generation();
}

void cache_close(struct rcache *cache) {
    if (cache_forked(cache)) { /* its locks may be held by threads that are not in this process: only descriptors go */
        links_abandon(&cache->links);
        journal_abandon(&cache->journal);
        notice_close(&cache->service.wake);
        return;
    }
    cache->closed = true;
    journal_release(&cache->journal);
    for (size_t i = 0; i < cache->links.count; i++)
        link_end(cache->links.all[i]);
    wake_post(&cache->idle, UINT32_MAX);
    cache_lock_engine(cache);
    for (struct queue *queue = cache->queues; queue != NULL; queue = queue->next)
        queue_push_all(queue);
    cache_unlock_engine(cache, NULL);
    if (cache->service.started)
        service_wake(cache);
    stripes_close(cache);
    cache_drop(cache);
}

/* ---- requests and their replies ---- */

static void execute(struct rcache *cache, struct request *request, int64_t now_ms) {
    request->sent_ms = now_ms;
    memory_execute(cache->memory, request, now_ms);
}

/* The engine is locked; memory answers at once. */
static void run_in_memory(struct rcache *cache, struct link_node *outgoing) {
    int64_t now_ms = clock_now_ms();
    for (struct link_node *node; (node = list_take(outgoing)) != NULL;) {
        struct request *request = list_entry(node, struct request, node);
        execute(cache, request, now_ms);
        if (verb_changes(request->verb))
            engine_changed(&cache->engine, request->key);
        engine_reply(&cache->engine, request, now_ms);
    }
}

/* Wakes are gathered by group: one system call for all that sleep there. */
struct wakes {
    struct wake_group *group;
    uint32_t bits;
};

static void wake_call(struct wakes *wakes, struct op *op) {
    struct call *call = call_of(op);
    uint32_t bit = call_news(call);
    if (bit == 0)
        return;
    if (wakes->group != NULL && wakes->group != call->group) {
        wake_post(wakes->group, wakes->bits);
        wakes->bits = 0;
    }
    wakes->group = call->group;
    wakes->bits |= bit;
}

struct engine *cache_lock_engine(struct rcache *cache) {
    pthread_mutex_lock(&cache->lock);
    return &cache->engine;
}

/* Takes what the engine wants out of it and unlocks it; requests that need the server are left in *requests. */
static void unlock_engine(struct rcache *cache, struct link_node *requests, struct wakes *wakes) {
    struct engine *engine = &cache->engine;
    while (cache->memory != NULL && !list_empty(&engine->outgoing))
        run_in_memory(cache, &engine->outgoing);
    list_move_all(requests, &engine->outgoing);
    struct link_node awake;
    list_init(&awake);
    list_move_all(&awake, &engine->awake);
    for (struct link_node *node; (node = list_take(&awake)) != NULL;) {
        struct op *op = list_entry(node, struct op, awake);
        wake_call(wakes, op);
        op_drop(op);
    }
    int64_t due_ms = engine_due_ms(engine);
    pthread_mutex_unlock(&cache->lock);
    service_expect(cache, due_ms);
}

/* Replies to private ops are counted, and have one share of it together; the others stay in the list. */
static void reply_to_private(struct link_node *done, struct wakes *wakes) {
    for (struct link_node *node = done->next, *next; node != done; node = next) {
        next = node->next;
        struct request *request = list_entry(node, struct request, node);
        struct op *op = request->reply_for == FOR_SLOT ? ((struct slot *)request->target)->op : NULL;
        if (op == NULL)
            continue;
        list_remove(node); /* its op may be used, and freed, as soon as it is known to have come */
        enum arrival arrival = op_arrive(op);
        if (arrival == ARRIVAL_OF_ENGINE) {
            list_append(next, node);
            continue;
        }
        if (arrival == ARRIVAL_LAST) {
            wake_call(wakes, op);
            op_drop(op);
        }
    }
}

static void reply_to_engine(struct rcache *cache, struct link_node *done, struct link_node *requests,
                            struct wakes *wakes) {
    struct engine *engine = cache_lock_engine(cache);
    int64_t now_ms = clock_now_ms();
    for (struct link_node *node; (node = list_take(done)) != NULL;)
        engine_reply(engine, list_entry(node, struct request, node), now_ms);
    unlock_engine(cache, requests, wakes);
}

/* The links are gone: the cache is being freed. */
static void refuse(struct link_node *requests, struct link_node *done) {
    for (struct link_node *node = requests->next; node != requests; node = node->next)
        list_entry(node, struct request, node)->reply.status = RCACHE_E_CLOSED;
    list_move_all(done, requests);
}

/* Sends the requests and takes what comes back at once, until nothing does. */
static void settle(struct rcache *cache, struct link_node *requests, struct call *attended,
                   struct link_node *done, struct wakes *wakes) {
    for (;;) {
        recent_resend(cache, requests);
        journal_send(cache, requests);
        if (list_empty(requests) && list_empty(done))
            break;
        if (cache->stepper != NULL)
            stepper_send(cache->stepper, requests, done);
        else if (cache->links.count > 0)
            links_send(cache, requests, attended, done);
        else
            refuse(requests, done);
        passage_back(cache, done, requests);
        reply_to_private(done, wakes);
        if (!list_empty(done))
            reply_to_engine(cache, done, requests, wakes);
    }
    if (wakes->bits != 0)
        wake_post(wakes->group, wakes->bits);
}

void cache_dispatch(struct rcache *cache, struct link_node *done) {
    if (list_empty(done))
        return;
    struct wakes wakes = { NULL, 0 };
    struct link_node requests;
    list_init(&requests);
    settle(cache, &requests, NULL, done, &wakes);
}

void cache_unlock_engine(struct rcache *cache, struct call *attended) {
    struct wakes wakes = { NULL, 0 };
    struct link_node requests, done;
    list_init(&requests);
    list_init(&done);
    unlock_engine(cache, &requests, &wakes);
    settle(cache, &requests, attended, &done, &wakes);
}

static void submit_to_memory(struct rcache *cache, struct op *op) {
    int64_t made_ms = call_of(op)->made_ms, now_ms = made_ms != 0 ? made_ms : clock_now_ms();
    for (size_t i = 0; i < op->count; i++)
        execute(cache, &op->slots[i].request, now_ms);
    if (!verb_changes(op->slots[0].request.verb))
        return;
    struct engine *engine = cache_lock_engine(cache);
    for (size_t i = 0; i < op->count; i++)
        engine_changed(engine, op->slots[i].request.key);
    cache_unlock_engine(cache, NULL);
}

bool cache_submit(struct rcache *cache, struct op *op, struct link_node *requests) {
    if (cache->memory != NULL) {
        submit_to_memory(cache, op);
        return true;
    }
    op->pending = op->count;
    op_hold(op);
    for (size_t i = 0; i < op->count; i++)
        list_append(requests, &op->slots[i].request.node);
    return false;
}

void cache_send(struct rcache *cache, struct link_node *requests, struct call *attended) {
    if (list_empty(requests))
        return;
    struct wakes wakes = { NULL, 0 };
    struct link_node done;
    list_init(&done);
    settle(cache, requests, attended, &done, &wakes);
}

void cache_tick_topology(struct rcache *cache, int64_t now_ms) {
    struct wakes wakes = { NULL, 0 };
    struct link_node requests, done;
    list_init(&requests);
    list_init(&done);
    topology_tick(&cache->topology, now_ms, &requests, &done);
    settle(cache, &requests, NULL, &done, &wakes);
}

void cache_cannot_watch(struct rcache *cache) {
    cache_lock_engine(cache)->can_watch = false;
    cache_unlock_engine(cache, NULL);
}

void cache_changed(struct rcache *cache, struct slice key) {
    engine_changed(cache_lock_engine(cache), key);
    cache_unlock_engine(cache, NULL);
}
