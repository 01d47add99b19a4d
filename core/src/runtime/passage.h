/* passage: where every request passes on its way to a connection and back, under both drivers: the journal, the
 * topology, the health of servers, each in its turn. */
#ifndef RESILICACHE_RUNTIME_PASSAGE_H
#define RESILICACHE_RUNTIME_PASSAGE_H

#include "engine/verbs.h"

struct rcache;

/* Which link or lane the request goes by; *place counts them node by node.  False: it waits, or came to *done, and
 * *requests may have one more. */
bool passage_out(struct rcache *cache, struct request *request, size_t *place, struct link_node *requests,
                 struct link_node *done);
/* What is nobody's but theirs is taken out of *done; *requests has what is to be sent again. */
void passage_back(struct rcache *cache, struct link_node *done, struct link_node *requests);
/* The place by which most requests of a key go, as far as is known. */
size_t passage_home(const struct rcache *cache, struct slice key, uint32_t route);

#endif
