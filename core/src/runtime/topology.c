#include "runtime/topology.h"

#include "base/alloc.h"
#include "base/rule.h"
#include "engine/pause.h"
#include "runtime/exchange.h"

/* A cluster has at most 1,000 nodes by its makers' advice; the other bounds keep a confused one from spinning us. */
enum { NODES_MAX = 1024, DETOURS_MAX = 16, PAUSE_MAX_MS = 50, CALM_MS = 1000 };

static bool scheme_moves(enum scheme scheme) {
    return scheme == SCHEME_CLUSTER || scheme == SCHEME_SENTINEL;
}

bool topology_moves(const struct topology *topology) {
    return scheme_moves(topology->scheme);
}

size_t topology_nodes_max(const struct settings *settings) {
    return scheme_moves(settings->endpoint.scheme) ? NODES_MAX + settings->endpoint.more_count : 1;
}

bool topology_init(struct topology *topology, const struct surroundings *around) {
    const struct endpoint *endpoint = &around->settings->endpoint;
    topology->around = *around;
    topology->scheme = endpoint->scheme;
    topology->due_ms = topology->refresh_ms = INT64_MAX;
    pthread_mutex_init(&topology->lock, NULL);
    list_init(&topology->parked);
    if (endpoint->scheme == SCHEME_MEMORY)
        return true;
    topology->nodes_max = topology_nodes_max(around->settings);
    topology->nodes = mem_alloc_zeroed(topology->nodes_max, sizeof(struct node *));
    size_t slots = endpoint->scheme == SCHEME_CLUSTER ? SLOT_COUNT : 1;
    topology->slots = mem_alloc_zeroed(slots, sizeof topology->slots[0]);
    bool replicas = endpoint->scheme == SCHEME_CLUSTER && around->settings->replica_reads;
    topology->replicas = replicas ? mem_alloc_zeroed(slots, sizeof topology->replicas[0]) : NULL;
    topology->where = (struct request){ .verb = VERB_WHERE, .reply_for = FOR_TOPOLOGY, .directed = true };
    topology->where.owner = slice_of_text(endpoint->master != NULL ? endpoint->master : "");
    list_init(&topology->where.node);
    return topology->nodes != NULL && topology->slots != NULL && (!replicas || topology->replicas != NULL) &&
           topology_add_seeds(topology, endpoint);
}

void topology_clear(struct topology *topology) {
    for (size_t i = 0; i < topology->node_count; i++)
        node_free(topology->nodes[i]);
    request_clear(&topology->where);
    blob_drop(topology->failure);
    mem_free(topology->nodes);
    mem_free((void *)topology->slots);
    mem_free((void *)topology->replicas);
    pthread_mutex_destroy(&topology->lock);
}

/* ---- asking for a map ---- */

/* With the lock. */
static void note_due(struct topology *topology) {
    int64_t due_ms = list_empty(&topology->parked) ? INT64_MAX : topology->release_ms;
    topology->due_ms = due_ms < topology->refresh_ms ? due_ms : topology->refresh_ms;
}

/* With the lock.  The next of the nodes that can tell: those of a cluster in turn, or the Sentinels. */
static void ask(struct topology *topology, struct link_node *requests) {
    if (topology->asking)
        return;
    bool sentinel = topology->scheme == SCHEME_SENTINEL;
    do
        topology->asked = (topology->asked + 1) % (uint32_t)topology->node_count;
    while (topology->nodes[topology->asked]->sentinel != sentinel);
    topology->asking = true;
    topology->refresh_ms = INT64_MAX;
    request_clear(&topology->where);
    topology->where.server = topology->asked;
    list_append(requests, &topology->where.node);
}

/* With the lock.  Requests come back without waiting, and there may be many: a map is asked for now and then. */
static void ask_soon(struct topology *topology, int64_t now_ms, struct link_node *requests) {
    if (now_ms - topology->hurried_ms < PAUSE_MAX_MS)
        return;
    topology->hurried_ms = now_ms;
    ask(topology, requests);
}

/* With the lock.  Those whose server is another one now are tried at once. */
static void release_changed(struct topology *topology, struct link_node *requests) {
    for (struct link_node *node = topology->parked.next, *next; node != &topology->parked; node = next) {
        next = node->next;
        struct request *request = list_entry(node, struct request, node);
        uint16_t known = topology->slots[topology_slot_of(topology, request->key)];
        bool tried = request->sent_ms >= request->since_ms && known == request->server + 1;
        if (known == 0 || tried)
            continue;
        list_remove(node);
        list_append(requests, node);
        topology->pause_ms = 0;
    }
}

/* With the lock. */
static void learn(struct topology *topology, struct slice map, int64_t now_ms, struct link_node *requests) {
    topology_learn(topology, map);
    topology->failures = 0;
    topology->missed_ms = 0;
    topology->refresh_ms = now_ms + topology->around.settings->topology_refresh_ms;
    release_changed(topology, requests);
}

/* With the lock.  For those who will wait in vain. */
static void note_failure(struct topology *topology, struct reply *reply) {
    blob_drop(topology->failure);
    topology->failure = reply->message;
    topology->failure_status = reply->status;
    reply->message = NULL;
}

static size_t count_tellers(const struct topology *topology) {
    size_t count = 0;
    for (size_t i = 0; i < topology->node_count; i++)
        count += topology->nodes[i]->sentinel == (topology->scheme == SCHEME_SENTINEL);
    return count;
}

/* With the lock.  Who doesn't know is followed by the next; after all of them comes a pause. */
static void take_map(struct topology *topology, int64_t now_ms, struct link_node *requests) {
    struct reply *reply = &topology->where.reply;
    topology->asking = false;
    if (reply->status == RCACHE_OK) {
        learn(topology, blob_slice(reply->value), now_ms, requests);
        return;
    }
    note_failure(topology, reply);
    topology->failures++;
    if (topology->failures % count_tellers(topology) != 0)
        ask(topology, requests);
    else
        topology->refresh_ms = now_ms + topology->around.settings->topology_refresh_ms;
}

/* ---- waiting ---- */

/* With the lock. */
static void park(struct topology *topology, struct request *request, int64_t now_ms, struct link_node *requests) {
    if (list_empty(&topology->parked)) {
        bool calm = now_ms - topology->release_ms > CALM_MS;
        topology->pause_ms = calm ? 0 : topology->pause_ms;
        topology->pause_ms = pause_after(topology->pause_ms, PAUSE_MAX_MS);
        topology->release_ms = now_ms + topology->pause_ms;
    }
    list_append(&topology->parked, &request->node);
    ask(topology, requests);
}

static bool in_time(const struct topology *topology, const struct request *request, int64_t now_ms) {
    return !*topology->around.closed && now_ms - request->since_ms < topology->around.settings->op_timeout_ms &&
           request->detours < DETOURS_MAX;
}

static void give_up(struct topology *topology, struct request *request, struct link_node *done) {
    bool told = topology->failure != NULL;
    exchange_refuse(request, told ? topology->failure_status : RCACHE_E_UNAVAILABLE,
                    told ? topology->failure->data : "no server is known that has this key", done);
}

/* With the lock.  Nobody has told where the key is. */
static void wait_for_map(struct topology *topology, struct request *request, int64_t now_ms,
                         struct link_node *requests, struct link_node *done) {
    bool lost = topology_is_lost(topology, now_ms);
    if (topology->missed_ms == 0)
        topology->missed_ms = now_ms;
    if (lost || !in_time(topology, request, now_ms))
        give_up(topology, request, done);
    else
        park(topology, request, now_ms, requests);
    if (lost)
        ask_soon(topology, now_ms, requests);
    note_due(topology);
}

void topology_refresh(struct topology *topology) {
    pthread_mutex_lock(&topology->lock);
    topology->refresh_ms = 0;
    note_due(topology);
    pthread_mutex_unlock(&topology->lock);
}

void topology_tick(struct topology *topology, int64_t now_ms, struct link_node *requests, struct link_node *done) {
    if (now_ms < topology->due_ms)
        return;
    pthread_mutex_lock(&topology->lock);
    if (now_ms >= topology->release_ms) {
        struct link_node waiting;
        list_init(&waiting);
        list_move_all(&waiting, &topology->parked);
        for (struct link_node *node; (node = list_take(&waiting)) != NULL;) {
            struct request *request = list_entry(node, struct request, node);
            if (in_time(topology, request, now_ms))
                list_append(requests, node);
            else
                give_up(topology, request, done);
        }
    }
    if (now_ms >= topology->refresh_ms)
        ask(topology, requests);
    note_due(topology);
    pthread_mutex_unlock(&topology->lock);
}

void topology_end(struct topology *topology, struct link_node *done) {
    pthread_mutex_lock(&topology->lock);
    exchange_finish_all(&topology->parked, RCACHE_E_CLOSED, "the cache was closed", done);
    pthread_mutex_unlock(&topology->lock);
}

/* ---- going out ---- */

/* One more than the number; 0: not known. */
static uint16_t known_server(const struct topology *topology, struct slice key) {
    return topology_moves(topology) ? topology->slots[topology_slot_of(topology, key)] : 1;
}

const struct node *topology_server(const struct topology *topology, struct slice key) {
    uint16_t known = known_server(topology, key);
    return known > 0 ? topology->nodes[known - 1u] : NULL;
}

size_t topology_server_number(const struct topology *topology, struct slice key) {
    uint16_t known = known_server(topology, key);
    return known > 0 ? known - 1u : 0;
}

/* A look that may be a little late goes to a replica, once it is known which process the entries have to be of. */
static void prefer_replica(const struct topology *topology, struct request *request) {
    uint16_t replica = topology->replicas[slot_of(request->key)];
    bool may = request->verb == VERB_PEEK && !request->strong && !request->primary_only && replica != 0;
    request->primary_epoch = may ? topology->nodes[request->server]->epoch : 0;
    if (request->primary_epoch != 0)
        request->server = replica - 1u;
}

bool topology_route(struct topology *topology, struct request *request, int64_t now_ms, struct link_node *requests,
                    struct link_node *done) {
    if (!topology_moves(topology) || request->directed)
        return true;
    request->since_ms = request->since_ms > 0 ? request->since_ms : now_ms;
    uint16_t known = topology->slots[topology_slot_of(topology, request->key)];
    if (known == 0) {
        pthread_mutex_lock(&topology->lock);
        wait_for_map(topology, request, now_ms, requests, done);
        pthread_mutex_unlock(&topology->lock);
        return false;
    }
    request->server = known - 1u;
    if (topology->replicas != NULL)
        prefer_replica(topology, request);
    return true;
}

/* ---- coming back ---- */

/* The request is its owner's again. */
static void forget_way(struct request *request) {
    request->since_ms = 0;
    request->detours = 0;
    request->directed = request->asking = request->primary_only = false;
    request->primary_epoch = 0;
}

/* What the failure of a request says of where it should go. */
static struct detour detour_of(const struct request *request) {
    const struct reply *reply = &request->reply;
    bool may = reply->status == RCACHE_E_UNAVAILABLE || reply->status == RCACHE_E_SERVER;
    struct detour detour = { .kind = DETOUR_NONE };
    if (may && reply->message != NULL)
        detour = detour_read(blob_slice(reply->message));
    if (detour.kind == DETOUR_NONE && reply->status == RCACHE_E_UNAVAILABLE)
        detour.kind = DETOUR_LATER; /* no connection: another may take the node's place */
    return detour;
}

/* A replica that is away, or none any more, holds nobody up. */
static void send_to_primary(struct request *request, struct link_node *requests) {
    list_remove(&request->node);
    request->primary_only = true;
    request->form = 0;
    reply_clear(&request->reply);
    list_append(requests, &request->node);
}

/* With the lock.  There is no use in waiting: the node has been down for so long, or nobody tells of any. */
static bool is_hopeless(const struct topology *topology, const struct node *node, int64_t now_ms) {
    int64_t down_ms = node_is_down(node) ? now_ms - node->breaker.since_ms : 0;
    return down_ms >= topology->around.settings->op_timeout_ms || topology_is_lost(topology, now_ms);
}

/* With the lock.  False: the failure is for its owner. */
static bool send_elsewhere(struct topology *topology, struct request *request, int64_t now_ms,
                           struct link_node *requests) {
    struct detour detour = detour_of(request);
    uint32_t index;
    bool named = detour.kind == DETOUR_MOVED || detour.kind == DETOUR_ASK;
    if (named && !in_time(topology, request, now_ms))
        request->reply.status = RCACHE_E_UNAVAILABLE; /* there is a server that has the key, and it was not found */
    bool passes = RULE(what_may_pass_is_waited_for, detour.kind == DETOUR_LATER);
    if (!(named || passes) || request->heard == HEARD_BARRED || !in_time(topology, request, now_ms))
        return false;
    if (request->primary_epoch != 0) {
        send_to_primary(request, requests);
        return true;
    }
    if (request->heard == HEARD_UNASKED && is_hopeless(topology, topology->nodes[request->server], now_ms)) {
        ask_soon(topology, now_ms, requests);
        return false;
    }
    if (named && !topology_find_node(topology, detour.host, detour.port, request->server, &index))
        return false;
    list_remove(&request->node);
    request->detours += named;
    request->form = 0;
    request->directed = detour.kind == DETOUR_ASK;
    request->asking = RULE(who_is_sent_to_ask_says_so, request->directed);
    if (named)
        request->server = index;
    else
        note_failure(topology, &request->reply);
    reply_clear(&request->reply);
    if (!named) {
        park(topology, request, now_ms, requests);
        return true;
    }
    if (detour.kind == DETOUR_MOVED) {
        topology_give_slot(topology, topology_slot_of(topology, request->key), index);
        ask(topology, requests); /* where one slot went, others did */
    }
    list_append(requests, &request->node);
    return true;
}

/* With the lock. */
static void review(struct topology *topology, struct request *request, int64_t now_ms, struct link_node *requests) {
    if (request->reply_for == FOR_TOPOLOGY) {
        list_remove(&request->node);
        take_map(topology, now_ms, requests);
        return;
    }
    if (request->reply.status == RCACHE_OK || !send_elsewhere(topology, request, now_ms, requests))
        forget_way(request);
}

/* Most often all is well. */
static bool nothing_to_review(struct link_node *done) {
    for (struct link_node *node = done->next; node != done; node = node->next) {
        struct request *request = list_entry(node, struct request, node);
        if (request->reply.status != RCACHE_OK || request->reply_for == FOR_TOPOLOGY)
            return false;
        forget_way(request);
    }
    return true;
}

/* Of the one address: a name may lead to another server by now, as where a service replaces its primary. */
static void look_behind_the_address(struct topology *topology, struct request *request, int64_t now_ms,
                                    struct link_node *requests) {
    bool demoted = request->reply.status == RCACHE_E_UNAVAILABLE && request->heard == HEARD_ANSWER &&
                   slice_contains(blob_slice(request->reply.message), slice_of_text("READONLY"));
    if (!demoted || request->detours > 0) {
        request->detours = 0;
        return;
    }
    node_look_again(topology->nodes[0], now_ms);
    list_remove(&request->node);
    request->detours = 1;
    request->form = 0;
    request->attempts -= request->attempts == 1; /* nothing has come of it, so that it may be lost once */
    reply_clear(&request->reply);
    list_append(requests, &request->node);
}

void topology_review(struct topology *topology, struct link_node *done, int64_t now_ms, struct link_node *requests) {
    if (!topology_moves(topology)) {
        for (struct link_node *node = done->next, *next; node != done; node = next) {
            next = node->next;
            look_behind_the_address(topology, list_entry(node, struct request, node), now_ms, requests);
        }
        return;
    }
    if (nothing_to_review(done))
        return;
    pthread_mutex_lock(&topology->lock);
    for (struct link_node *node = done->next, *next; node != done; node = next) {
        next = node->next;
        review(topology, list_entry(node, struct request, node), now_ms, requests);
    }
    note_due(topology);
    pthread_mutex_unlock(&topology->lock);
}
