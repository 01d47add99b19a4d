/* dial: a connection to a node of the cache, as settings, credentials and the files of its certificates are now. */
#ifndef RESILICACHE_RUNTIME_DIAL_H
#define RESILICACHE_RUNTIME_DIAL_H

#include "backend/redis/net/connection.h"

struct node;
struct rcache;

/* `track`: for watching.  Blocks as connection_open does; no lock may be held. */
struct connection *dial(struct rcache *cache, const struct node *node, bool track, rcache_error *err);

#endif
