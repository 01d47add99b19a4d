/* links: the few connections that all calls share, and which request goes by which. */
#ifndef RESILICACHE_RUNTIME_LINKS_H
#define RESILICACHE_RUNTIME_LINKS_H

#include "engine/verbs.h"

struct call;
struct rcache;
struct link;

struct node;

struct links {
    struct link **all;     /* node by node, each with its exchange_places; there is room for all nodes that may come */
    _Atomic size_t count;
};

bool links_init(struct links *links, size_t count_max); /* false for want of memory */
/* The connections to one more node; false for want of memory. */
bool links_grow(struct links *links, struct rcache *cache, struct node *node);
/* No call uses them any more: what is still under way comes back with RCACHE_E_CLOSED in *done. */
void links_clear(struct links *links, struct link_node *done);
/* In a child process: the descriptors are closed, nothing is said to the server. */
void links_abandon(struct links *links);
/* Takes all requests from the list.  Those that can't be sent are in *done.  The calling thread will wait for
 * `attended`. */
void links_send(struct rcache *cache, struct link_node *requests, struct call *attended, struct link_node *done);

#endif
