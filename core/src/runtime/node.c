#include "runtime/node.h"

#include "base/alloc.h"
#include "base/rule.h"
#include "runtime/url.h"

#include <stdatomic.h>

enum { LOOK_PAUSE_MS = 1000 };

struct node *node_new(struct slice host, uint16_t port, bool tls, bool sentinel) {
    struct node *node = mem_alloc_zeroed(1, sizeof *node);
    if (node == NULL)
        return NULL;
    node->sentinel = sentinel;
    node->address = (struct address){ .host = mem_alloc(host.size + 1), .port = port };
    if (node->address.host != NULL) {
        memcpy(node->address.host, host.data, host.size);
        node->address.host[host.size] = '\0';
        node->url = address_url(&node->address, tls);
    }
    if (node->url != NULL)
        return node;
    node_free(node);
    return NULL;
}

void node_free(struct node *node) {
    if (node == NULL)
        return;
    blob_drop(node->url);
    blob_drop(node->failure);
    request_clear(&node->probe);
    mem_free(node->address.host);
    mem_free(node);
}

bool node_is(const struct node *node, struct slice host, uint16_t port, bool sentinel) {
    return node->address.port == port && node->sentinel == sentinel &&
           slice_equal(slice_of_text(node->address.host), host);
}

void node_rise(struct node *node, bool took_over) {
    node->reign += took_over && node->reign == 0 ? 2 : 1;
    if (node->reign > 1)
        node->epoch = 0;
}

bool node_is_replaced(struct node *node, uint32_t reign, uint64_t epoch) {
    uint64_t before = node->epoch;
    if (node_has_risen(node, reign, false))
        return false;
    node->epoch = epoch;
    return before != 0 && before != epoch;
}

void node_look_again(struct node *node, int64_t now_ms) {
    int64_t before_ms = node->looked_ms;
    bool due = before_ms == 0 || now_ms - before_ms >= LOOK_PAUSE_MS;
    if (due && atomic_compare_exchange_strong(&node->looked_ms, &before_ms, now_ms))
        node->reign++;
}

/* A primary that was met before it was known to be one is in its first reign. */
bool node_has_risen(const struct node *node, uint32_t reign, bool replica) {
    uint32_t known = reign == 0 && !replica ? 1 : reign;
    return RULE(connections_end_with_their_history, node->reign > known);
}

/* An empty option is none. */
static const char *or_null(const char *text) {
    return text[0] != '\0' ? text : NULL;
}

struct handshake_target node_handshake(const struct node *node, const struct settings *settings,
                                       const struct identity *identity, bool track) {
    const struct endpoint *endpoint = &settings->endpoint;
    if (node->sentinel)
        return (struct handshake_target){ .username = or_null(settings->sentinel_username),
                                          .password = or_null(settings->sentinel_password),
                                          .resp = settings->resp,
                                          .follow = track };
    return (struct handshake_target){ .username = identity->user,
                                      .password = identity->password,
                                      .database = endpoint->database,
                                      .resp = settings->resp,
                                      .track = track,
                                      .packed = settings->layout == LAYOUT_PACKED,
                                      .replica = settings->replica_reads && endpoint->scheme == SCHEME_CLUSTER,
                                      .trust = settings->failover == FAILOVER_TRUST,
                                      .primary = endpoint->scheme == SCHEME_SENTINEL };
}
