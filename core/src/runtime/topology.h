/* topology: which server a key's requests go to.  One; or those of a cluster, by slot; or the master that a Sentinel
 * names.  It learns from maps (VERB_WHERE, asked when one is needed, after failures, and now and then) and from the
 * redirections in replies, and sends again what a server would not or could not take, for as long as op_timeout; not
 * where a server has been down for that long (health.h), or nobody has told a map for that long.
 *
 * No I/O and no clock: it is told the time, and who calls it sends what is to be sent (passage.h), and calls
 * topology_tick when it is due.  Its lock is taken with no other held but for the making of connections. */
#ifndef RESILICACHE_RUNTIME_TOPOLOGY_H
#define RESILICACHE_RUNTIME_TOPOLOGY_H

#include "backend/redis/slot.h"
#include "backend/redis/where.h"
#include "runtime/node.h"

#include <pthread.h>

/* What it is given by who has it. */
struct surroundings {
    const struct settings *settings;
    const _Atomic bool *closed;
    _Atomic bool *replaced; /* set when a primary may have been */
    uint64_t seed;
    bool (*connect)(void *owner, struct node *node); /* makes the connections to one more; false for want of memory */
    void *owner;
};

struct topology {
    struct surroundings around;
    enum scheme scheme;
    pthread_mutex_t lock;
    struct node **nodes; /* only ever more; the array has room for nodes_max */
    _Atomic size_t node_count;
    size_t nodes_max;
    _Atomic uint16_t *slots;   /* one more than the node's index; 0: not known.  A master has slot 0 alone */
    _Atomic uint16_t *replicas; /* likewise: one replica of each slot, for replica_reads; NULL: not wanted */
    struct request where;      /* asks for a map */
    bool asking;               /* it is under way */
    uint32_t asked;            /* the node that it went to */
    size_t failures;           /* of asking, in a row */
    struct blob *failure;      /* of the last, in words */
    int32_t failure_status;    /* and its status */
    _Atomic int64_t missed_ms; /* since when a request has missed a map, and none has come; 0: not so */
    struct link_node parked;   /* requests that wait for a map, or for another try */
    int64_t release_ms;        /* when they are tried again */
    int64_t pause_ms;          /* between tries */
    int64_t hurried_ms;        /* when a map was last asked for because a server is down */
    int64_t refresh_ms;        /* when to ask for a map although nothing has failed */
    _Atomic int64_t due_ms;    /* when topology_tick has something to do */
};

/* How many nodes there may be. */
size_t topology_nodes_max(const struct settings *settings);
/* False for want of memory. */
bool topology_init(struct topology *topology, const struct surroundings *around);
void topology_clear(struct topology *topology);

/* Whether there is more than one address that a key may be at. */
bool topology_moves(const struct topology *topology);
/* request->server is the node that the request goes to.  False: it waits here, or came to *done, and *requests may have
 * one more. */
bool topology_route(struct topology *topology, struct request *request, int64_t now_ms, struct link_node *requests,
                    struct link_node *done);
/* Looks at replies before those who asked do: what is to be sent again goes from *done to *requests, or waits here. */
void topology_review(struct topology *topology, struct link_node *done, int64_t now_ms, struct link_node *requests);
/* Somebody has said that the map has changed. */
void topology_refresh(struct topology *topology);
/* What is due by now. */
void topology_tick(struct topology *topology, int64_t now_ms, struct link_node *requests, struct link_node *done);
/* All that wait come back with RCACHE_E_CLOSED. */
void topology_end(struct topology *topology, struct link_node *done);
/* Whose the key is, as far as is known; NULL: nobody's yet. */
const struct node *topology_server(const struct topology *topology, struct slice key);
/* Nobody has told where keys are for as long as a request may take. */
bool topology_is_lost(const struct topology *topology, int64_t now_ms);
/* Its number; 0, too, where it isn't known. */
size_t topology_server_number(const struct topology *topology, struct slice key);

/* Between topology.c and slots.c; with the lock, but for topology_slot_of. */

bool topology_add_seeds(struct topology *topology, const struct endpoint *endpoint);
/* Makes it if need be; false for want of memory or room.  An empty host is that of node `teller`. */
bool topology_find_node(struct topology *topology, struct slice host, uint16_t port, uint32_t teller, uint32_t *index);
size_t topology_slot_of(const struct topology *topology, struct slice key);
/* The slot is that node's from now.  It may be one that was promoted, and lag behind what the one before had
 * acknowledged: recent invalidations are sent again. */
void topology_give_slot(struct topology *topology, size_t slot, uint32_t index);
/* As the map of node `asked` says. */
void topology_learn(struct topology *topology, struct slice map);

#endif
