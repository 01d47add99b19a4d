/* health: which servers are down.  Every request passes here on its way to a server, and every reply or loss on its way
 * back: failures are counted by node, and a node whose breaker is open is asked nothing.  What was meant for it comes
 * back at once; when it is time, that sends a probe along, for which nobody waits.
 *
 * Sentinels are left out: they are asked in turn, and seldom. */
#ifndef RESILICACHE_RUNTIME_HEALTH_H
#define RESILICACHE_RUNTIME_HEALTH_H

#include "runtime/topology.h"

struct rcache;

/* False: the request is in *done, and *requests may have a probe. */
bool health_admits(struct rcache *cache, struct request *request, struct link_node *requests, struct link_node *done);
/* Counts what has come back, and takes the probes out of it. */
void health_take(struct rcache *cache, struct link_node *done);
/* Nothing is sent to whoever has the key, not even a probe yet. */
bool health_is_silent(const struct topology *topology, struct slice key, int64_t now_ms);
/* How many of the nodes that have keys are down. */
uint64_t health_down(const struct topology *topology);

#endif
