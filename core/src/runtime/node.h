/* node: one server of a cache, known by its address.  It stays until the cache is freed. */
#ifndef RESILICACHE_RUNTIME_NODE_H
#define RESILICACHE_RUNTIME_NODE_H

#include "engine/verbs.h"
#include "runtime/breaker.h"
#include "runtime/credentials.h"

struct node {
    struct address address; /* the host is its own */
    struct blob *url;       /* the address as a URL */
    bool sentinel;          /* tells where a master is, has no keys */
    _Atomic uint64_t epoch; /* of the process that was last seen there in this reign; 0: none was, or it doesn't say */
    size_t slot_count;      /* that it is the primary of, by the map; the topology's */
    _Atomic uint32_t reign; /* counts when it became a primary, or its address seems to lead elsewhere; 1 is what it was
                               when it was first heard of */
    _Atomic int64_t looked_ms; /* when the latter was last so */
    struct breaker breaker; /* this and the rest: health.h */
    struct request probe;
    struct blob *failure;   /* what opened the breaker, in words */
    _Atomic int64_t recovered_ms; /* when a probe last closed it */
};

/* NULL for want of memory. */
struct node *node_new(struct slice host, uint16_t port, bool tls, bool sentinel);
void node_free(struct node *node);
bool node_is(const struct node *node, struct slice host, uint16_t port, bool sentinel);
static inline bool node_is_down(const struct node *node) {
    return node->breaker.state != BREAKER_CLOSED;
}

/* A connection stands, made in that reign.  True: to another process than the last one, which may have forgotten what
 * that one knew. */
bool node_is_replaced(struct node *node, uint32_t reign, uint64_t epoch);

/* It is a primary from now on; `took_over`: from another.  Connections from before are to be made anew. */
void node_rise(struct node *node, bool took_over);

/* Its address may lead to another server by now: connections are to be made anew, unless they were a moment ago. */
void node_look_again(struct node *node, int64_t now_ms);
/* A connection was made in that reign (0: before any), `replica`: to a replica.  True: by now there is another primary
 * to be reached there, of a history whose epoch the connection doesn't know. */
bool node_has_risen(const struct node *node, uint32_t reign, bool replica);

/* What a connection to it begins with; `track`: it listens for changes, of keys or of masters.  What it points to is
 * the settings' and the identity's. */
struct handshake_target node_handshake(const struct node *node, const struct settings *settings,
                                       const struct identity *identity, bool track);

#endif
