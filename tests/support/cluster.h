/* cluster: a Redis Cluster of three primaries, for tests. */
#ifndef RESILICACHE_TESTS_CLUSTER_H
#define RESILICACHE_TESTS_CLUSTER_H

#include "support/stores.h"

enum { CLUSTER_NODES = 3 };

struct cluster {
    struct store nodes[CLUSTER_NODES]; /* each with a third of the slots, in order */
    uint16_t bus[CLUSTER_NODES];
    struct store whole;                /* its URL is that of all of them, its port the first one's */
};

/* Fails the test where the program can't be started or they don't come together. */
void cluster_start(struct cluster *cluster, const char *program);
bool cluster_restart(struct cluster *cluster, int node);
void cluster_stop(struct cluster *cluster);
/* Which node has the slot, as node 0 sees it. */
int cluster_owner(struct cluster *cluster, int slot);
int cluster_slot(struct cluster *cluster, const char *key);
/* All keys of the slot go to another node; clients that don't know are told MOVED. */
void cluster_move_slot(struct cluster *cluster, int slot, int to);
/* Half of it: the target imports, the owner migrates, no key is moved yet: who asks for one is told ASK. */
void cluster_begin_move(struct cluster *cluster, int slot, int to);

#endif
