/* lane: one connection whose bytes the caller moves: what a link is to threads, without a socket.
 *
 *   DOWN -> WANTED (the caller is asked to connect) -> CONNECTING -> GREETING (the handshake) -> UP
 *
 * and DOWN again when it is lost.  Used by one thread at a time. */
#ifndef RESILICACHE_RUNTIME_LANE_H
#define RESILICACHE_RUNTIME_LANE_H

#include "backend/redis/handshake.h"
#include "backend/redis/net/reader.h"
#include "runtime/credentials.h"
#include "runtime/exchange.h"
#include "runtime/gathering.h"
#include "runtime/node.h"

enum lane_state { LANE_DOWN, LANE_WANTED, LANE_CONNECTING, LANE_GREETING, LANE_UP };

struct lane {
    struct rcache *cache;
    struct node *server;
    enum link_purpose purpose;
    enum lane_state state;
    uint32_t node;        /* the caller's name for the connection; 0: none yet */
    uint32_t reign;       /* the server's when it was asked for */
    uint32_t closed_node; /* one that it is still to be told to close; 0: none */
    int64_t since_ms;     /* CONNECTING, GREETING: when that began */
    int64_t progress_ms;  /* bytes last came */
    struct identity identity;
    struct handshake_target target; /* points to the identity */
    struct handshake handshake;
    struct server_facts facts;
    struct reader *reader;      /* while there is a connection */
    struct gathering gathering;
    struct buffer wire;         /* handed out by the last event */
    struct link_node unsent;    /* requests for when it is up */
    struct link_node in_flight; /* replies due, oldest first */
    struct link_node confirming; /* only the reply to WAIT is due */
    struct backoff backoff;     /* between connections */
};

/* NULL for want of memory. */
struct lane *lane_new(struct rcache *cache, struct node *server, enum link_purpose purpose);
/* What is under way comes back with RCACHE_E_CLOSED in *done. */
void lane_free(struct lane *lane, struct link_node *done);

/* In all of these, requests that have an answer or can't be sent are in *done. */
void lane_append(struct lane *lane, struct request *request, int64_t now_ms, struct link_node *done);
/* `facts` as lane_facts wrote them, of a connection that has its handshake behind it; NULL: a new one. */
void lane_connected(struct lane *lane, const char *facts, int64_t now_ms, struct link_node *done);
/* Returns how many bytes of a large value are still to come, 0 outside of one. */
size_t lane_receive(struct lane *lane, const void *data, size_t size, int64_t now_ms, struct link_node *done);
/* `why` NULL: nothing went wrong. */
void lane_lost(struct lane *lane, const char *why, int64_t now_ms, struct link_node *done);
/* Gives up what takes too long. */
void lane_tick(struct lane *lane, int64_t now_ms, struct link_node *done);
/* When it is to be ticked next; INT64_MAX: never. */
int64_t lane_due_ms(const struct lane *lane);
bool lane_idle(const struct lane *lane);

/* The next that the caller is to do; false: nothing.  *nodes counts those given out. */
bool lane_event(struct lane *lane, uint32_t *nodes, int64_t now_ms, rcache_event *event);

#endif
