/* gathering: what is to go over a connection next: the bytes, and whose they are.  Links and lanes have one each. */
#ifndef RESILICACHE_RUNTIME_GATHERING_H
#define RESILICACHE_RUNTIME_GATHERING_H

#include "backend/redis/redis.h"
#include "runtime/peeks.h"

struct gathering {
    struct buffer bytes;
    struct peeks peeks;        /* of the requests, */
    struct link_node requests; /* oldest first */
    struct request *unsealed;  /* the newest of those that no WAIT stands behind; NULL: none */
};

void gathering_init(struct gathering *gathering);
/* Frees the bytes. */
void gathering_clear(struct gathering *gathering);
/* Appends the request's commands, or lets it follow another; *done has it where it can't be sent. */
void gathering_add(struct gathering *gathering, struct request *request, const struct server_facts *facts,
                   struct link_node *done);
/* It goes: the bytes to `wire`, which is empty, the requests to `due`. */
void gathering_leave(struct gathering *gathering, struct buffer *wire, struct link_node *due);
/* The connection is lost: the bytes are, too; the requests go to `requests`. */
void gathering_drop(struct gathering *gathering, struct link_node *requests);

#endif
