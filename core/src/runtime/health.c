#include "runtime/health.h"

#include "base/clock.h"
#include "base/text.h"
#include "runtime/cache.h"
#include "runtime/exchange.h"

/* ---- going out ---- */

/* With the lock.  In words, who is down, for how long by now, and why. */
static struct blob *words_of(const struct node *node, int64_t now_ms) {
    char digits[TEXT_NUMBER_SIZE];
    int64_t seconds = (now_ms - node->breaker.since_ms) / 1000;
    return text_join(node->url->data, " is down, for ", text_of_number(digits, seconds), " s by now: ",
                     node->failure != NULL ? node->failure->data : "it does not answer", (const char *)NULL);
}

/* With the lock. */
static void send_probe(struct node *node, uint32_t server, struct link_node *requests) {
    request_clear(&node->probe);
    node->probe = (struct request){ .verb = VERB_PING, .reply_for = FOR_PROBE, .server = server, .directed = true };
    list_append(requests, &node->probe.node);
}

bool health_admits(struct rcache *cache, struct request *request, struct link_node *requests, struct link_node *done) {
    struct topology *topology = &cache->topology;
    struct node *node = topology->nodes[request->server];
    if (!node_is_down(node) || request->reply_for == FOR_PROBE)
        return true;
    int64_t now_ms = clock_now_ms();
    pthread_mutex_lock(&topology->lock);
    bool open = node_is_down(node);
    struct blob *words = open ? words_of(node, now_ms) : NULL;
    if (open && breaker_takes_probe(&node->breaker, now_ms))
        send_probe(node, request->server, requests);
    pthread_mutex_unlock(&topology->lock);
    if (!open)
        return true;
    cache->counters.breaker_refused++;
    exchange_refuse(request, RCACHE_E_UNAVAILABLE, words != NULL ? words->data : "the server is down", done);
    blob_drop(words);
    return false;
}

/* ---- coming back ---- */

/* With the lock. */
static void note_failure(struct rcache *cache, struct request *request, int64_t now_ms, struct random *random) {
    struct node *node = cache->topology.nodes[request->server];
    bool counts = request->heard == HEARD_NOTHING && request->reply.status == RCACHE_E_UNAVAILABLE && !node->sentinel;
    if (!counts || !breaker_failed(&node->breaker, &cache->settings.breaker, now_ms, random))
        return;
    cache->counters.breaker_opened++;
    blob_drop(node->failure);
    node->failure = blob_share(request->reply.message);
}

/* With the lock. */
static void take_probe(struct rcache *cache, struct request *request, int64_t now_ms, struct random *random) {
    struct node *node = cache->topology.nodes[request->server];
    bool answered = request->heard == HEARD_ANSWER;
    list_remove(&request->node);
    if (!answered && request->reply.status != RCACHE_E_UNAVAILABLE)
        breaker_unprobed(&node->breaker, now_ms);
    else
        breaker_probed(&node->breaker, &cache->settings.breaker, answered, now_ms, random);
    if (!answered)
        return;
    node->recovered_ms = now_ms;
    journal_hurry(cache);
}

static bool is_plain(const struct request *request) {
    return request->heard == HEARD_ANSWER && request->reply_for != FOR_PROBE;
}

/* Most often all have been answered, by the same node: that takes no lock. */
static bool count_answers(struct topology *topology, struct link_node *done) {
    bool all = true;
    uint32_t server = 0;
    uint64_t count = 0;
    for (struct link_node *node = done->next; node != done; node = node->next) {
        struct request *request = list_entry(node, struct request, node);
        if (!is_plain(request)) {
            all = false;
            continue;
        }
        if (count > 0 && request->server != server) {
            breaker_answered(&topology->nodes[server]->breaker, count);
            count = 0;
        }
        server = request->server;
        count++;
    }
    if (count > 0)
        breaker_answered(&topology->nodes[server]->breaker, count);
    return all;
}

void health_take(struct rcache *cache, struct link_node *done) {
    struct topology *topology = &cache->topology;
    if (list_empty(done) || count_answers(topology, done))
        return;
    int64_t now_ms = clock_now_ms();
    struct random random = { cache->seed ^ (uint64_t)now_ms };
    pthread_mutex_lock(&topology->lock);
    for (struct link_node *node = done->next, *next; node != done; node = next) {
        next = node->next;
        struct request *request = list_entry(node, struct request, node);
        if (request->reply_for == FOR_PROBE)
            take_probe(cache, request, now_ms, &random);
        else if (!is_plain(request))
            note_failure(cache, request, now_ms, &random);
    }
    pthread_mutex_unlock(&topology->lock);
}

bool health_is_silent(const struct topology *topology, struct slice key, int64_t now_ms) {
    const struct node *node = topology_server(topology, key);
    return node != NULL && node->breaker.state == BREAKER_OPEN && now_ms < node->breaker.until_ms;
}

/* A node that has left the cluster, or is master no more, is nobody's loss.  As long as nothing is known, each is. */
static bool has_keys(const struct topology *topology, size_t index) {
    size_t slots = topology->scheme == SCHEME_CLUSTER ? SLOT_COUNT : 1;
    bool known = false;
    for (size_t slot = 0; slot < slots; slot++) {
        if (topology->slots[slot] == index + 1 || (topology->replicas != NULL && topology->replicas[slot] == index + 1))
            return true;
        known = known || topology->slots[slot] != 0;
    }
    return !known;
}

uint64_t health_down(const struct topology *topology) {
    bool moves = topology_moves(topology);
    uint64_t count = 0;
    for (size_t i = 0; i < topology->node_count; i++)
        count += node_is_down(topology->nodes[i]) && (!moves || has_keys(topology, i));
    return count > 0 ? count : topology_is_lost(topology, clock_now_ms());
}
